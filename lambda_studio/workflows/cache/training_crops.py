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
from lambda_studio.pictures.parts import Crop, Extent, bucket_of, main_crop, middle_crop, share_of_subject, variants


@dataclass(frozen=True)
class Row:
    """One row of the training set: a picture, its concept, and the part that is learnt."""

    concept: ConceptRecord
    image: ImageRecord
    size: Size
    """The size of the part, in pixels that are learnt."""
    part: Crop
    """The part that is learnt."""
    square: Crop
    """What CLIP sees: the part itself, or if it is no square, the main square of it."""

    @property
    def crop(self) -> Crop | None:
        """The part; None is the middle square."""
        return self._unless_plain(self.part)

    @property
    def seen(self) -> Crop | None:
        """The square that CLIP sees; None is the middle square."""
        return self._unless_plain(self.square)

    def _unless_plain(self, crop: Crop) -> Crop | None:
        return None if crop == middle_crop(self.image.width, self.image.height) else crop


class TrainingCrops:
    """The crops of a library's pictures, which follow from the pictures' masks."""

    def __init__(self, database: Database):
        self.database = database
        self._extents: dict[str, Extent] = {}

    def rows(
        self, concepts: Sequence[ConceptRecord], resolution: int, config: FinetuneConfig, step: int
    ) -> Iterator[Row]:
        """Iterate over the crops that `config` asks for, of each picture its main crop first.

        No crop is enlarged more than its picture would be. `step` is the number of which the sides of aspect-ratio
        buckets are multiples, in pixels.
        """
        square = Size.square(resolution)
        for concept in concepts:
            for image in concept.images:
                size = bucket_of(image.width, image.height, resolution, step) if config.aspect_ratio_buckets else None
                subject = self.extent(image)
                main = main_crop(image.width, image.height, subject, size or (1, 1))
                for crop in variants(main, subject, config.variants, resolution, config.random_flip):
                    if size and replace(crop, mirrored=False) == main:
                        within = main_crop(main.width, main.height, subject and subject.inside(main))
                        left, top = main.left + within.left, main.top + within.top
                        seen = Crop(left, top, within.width, within.height, crop.mirrored)
                        yield Row(concept, image, Size(size[1], size[0]), crop, seen)
                    else:
                        yield Row(concept, image, square, crop, crop)

    def extent(self, image: ImageRecord) -> Extent | None:
        """Return where a picture's subject is, or None for a picture without a mask."""
        if image.mask_sha is None:
            return None
        if image.mask_sha not in self._extents:
            self._extents[image.mask_sha] = Extent.of(self._mask(image.mask_sha))
        return self._extents[image.mask_sha]

    def share(self, row: Row, latents: Tensor) -> Tensor | None:
        """Return the subject's share of each latent, (height, width) in 0..1, or None for a picture without a mask."""
        if row.image.mask_sha is None:
            return None
        mask = self._mask(row.image.mask_sha)
        height, width = latents.shape[-2:]
        grey = np.asarray(share_of_subject(mask, row.part, width, height), dtype=np.float32)
        return torch.from_numpy(grey / 255)

    def _mask(self, sha: str) -> Image.Image:
        with self.database.reading() as registry:
            return decode_png(registry.blob(sha)).convert("L")
