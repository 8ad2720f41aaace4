"""The parts of the pictures that fine-tuning learns, and the subject's share of each."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from concepts.database import Database
from concepts.records import ConceptRecord, ImageRecord
from lambda_studio.config import FinetuneConfig
from lambda_studio.pictures.files.png import decode_png
from lambda_studio.pictures.square_crops import Crop, middle_crop, share_of_subject, variants


@dataclass(frozen=True)
class Row:
    """One row of the training set: a picture, its concept, and the part that is learnt."""

    concept: ConceptRecord
    image: ImageRecord
    crop: Crop | None = None
    """None is the middle square."""

    @property
    def square(self) -> Crop:
        """The part that is learnt."""
        return self.crop or middle_crop(self.image.width, self.image.height)


class TrainingCrops:
    """The crops of a library's pictures, which follow from the pictures' masks."""

    def __init__(self, database: Database):
        self.database = database

    def rows(self, concepts: Sequence[ConceptRecord], resolution: int, config: FinetuneConfig) -> Iterator[Row]:
        """Iterate over the crops that `config` asks for. No crop is enlarged more than its picture would be."""
        for concept in concepts:
            for image in concept.images:
                size, mask = (image.width, image.height), self._mask(image) if config.variants > 1 else None
                for crop in variants(size, mask, config.variants, resolution, config.random_flip):
                    yield Row(concept, image, None if crop == middle_crop(*size) else crop)

    def share(self, row: Row, side: int) -> Tensor | None:
        """Return the subject's share of each latent, (side, side) in 0..1, or None for a picture without a mask."""
        mask = self._mask(row.image)
        if mask is None:
            return None
        grey = np.asarray(share_of_subject(mask, row.square, side), dtype=np.float32)
        return torch.from_numpy(grey / 255)

    def _mask(self, image: ImageRecord) -> Image.Image | None:
        if image.mask_sha is None:
            return None
        with self.database.reading() as registry:
            return decode_png(registry.blob(image.mask_sha)).convert("L")
