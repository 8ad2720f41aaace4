"""The parts of the pictures that fine-tuning learns, and the subject's share of each."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from concepts.database import Database
from concepts.records import ConceptRecord, ImageRecord
from lambda_studio.config import FinetuneConfig, Size
from lambda_studio.pictures.files.png import decode_png
from lambda_studio.pictures.parts import Crop, bucket_of, middle_crop, share_of_subject, variants


@dataclass(frozen=True)
class Row:
    """One row of the training set: a picture, its concept, and the part that is learnt."""

    concept: ConceptRecord
    image: ImageRecord
    size: Size
    """The size of the part, in pixels that are learnt."""
    crop: Crop | None = None
    """None is the middle square."""

    @property
    def part(self) -> Crop:
        """The part that is learnt."""
        return self.crop or middle_crop(self.image.width, self.image.height)


class TrainingCrops:
    """The crops of a library's pictures, which follow from the pictures' masks."""

    def __init__(self, database: Database):
        self.database = database

    def rows(
        self, concepts: Sequence[ConceptRecord], resolution: int, config: FinetuneConfig, step: int
    ) -> Iterator[Row]:
        """Iterate over the crops that `config` asks for. No crop is enlarged more than its picture would be.

        `step` is the number of which the sides of aspect-ratio buckets are multiples, in pixels.
        """
        square = Size.square(resolution)
        for concept in concepts:
            for image in concept.images:
                size = bucket_of(image.width, image.height, resolution, step) if config.aspect_ratio_buckets else None
                middle = middle_crop(image.width, image.height, size or (1, 1))
                mask = self._mask(image) if config.variants > 1 else None
                for crop in variants(middle, mask, config.variants, resolution, config.random_flip):
                    is_middle = replace(crop, mirrored=False) == middle
                    learnt = Size(size[1], size[0]) if size and is_middle else square
                    plain = crop == middle_crop(image.width, image.height)
                    yield Row(concept, image, learnt, None if plain else crop)

    def share(self, row: Row, latents: Tensor) -> Tensor | None:
        """Return the subject's share of each latent, (height, width) in 0..1, or None for a picture without a mask."""
        mask = self._mask(row.image)
        if mask is None:
            return None
        height, width = latents.shape[-2:]
        grey = np.asarray(share_of_subject(mask, row.part, width, height), dtype=np.float32)
        return torch.from_numpy(grey / 255)

    def _mask(self, image: ImageRecord) -> Image.Image | None:
        if image.mask_sha is None:
            return None
        with self.database.reading() as registry:
            return decode_png(registry.blob(image.mask_sha)).convert("L")
