"""The training examples of fine-tuning, computed once and cached in the registry."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from concepts.database import Database
from concepts.records import ConceptRecord, ImageRecord
from lambda_studio.errors import Cancelled
from lambda_studio.models.stack import Stack
from lambda_studio.pictures.files.png import decode_png
from lambda_studio.progress import Progress
from lambda_studio.training.examples import Example, encode_image_embeds, encode_latents
from lambda_studio.workflows.cache.keys import crop_key, encoder_of, latents_key
from lambda_studio.workflows.cache.left_out import require_pictures
from lambda_studio.workflows.cache.store import FeatureStore


@dataclass(frozen=True)
class Row:
    """One picture of the training set, and its concept."""

    concept: ConceptRecord
    image: ImageRecord


class ExampleTable:
    """The training examples of fine-tuning: for each picture, the latents and CLIP's embedding of one crop."""

    def __init__(self, database: Database, stack: Stack, progress: Progress, should_stop: Callable[[], bool]):
        self.database, self.stack, self.should_stop = database, stack, should_stop
        self.store = FeatureStore(database, progress)

    def examples(self, concepts: Sequence[ConceptRecord], resolution: int) -> list[Example]:
        """Return an example for each picture of these concepts. Afterwards neither CLIP nor MoVQ is in memory."""
        require_pictures(concepts, "fine-tuning")
        rows = [Row(concept, image) for concept in concepts for image in concept.images]
        embeds = self._image_embeds(rows)
        self.stack.free("clip")
        latents = self._latents(rows, resolution)
        self.stack.free("decoder")
        return [
            Example(row.concept.name, row.image.sha, *values)
            for row, values in zip(rows, zip(latents, embeds, strict=True), strict=True)
        ]

    def _image_embeds(self, rows: Sequence[Row]) -> list[Tensor]:
        encoder = encoder_of(self.stack.fingerprints()["clip"], self.stack.dtype)
        keys = [crop_key(row.image, encoder) for row in rows]

        def encode(at: Sequence[int]) -> list[Tensor]:
            return list(encode_image_embeds(self.stack.clip(("vision",)), self._pictures(rows, at)))

        return self.store.get_or_compute(keys, encode, "Encoding what CLIP sees").values

    def _latents(self, rows: Sequence[Row], resolution: int) -> list[Tensor]:
        encoder = encoder_of(self.stack.fingerprints()["autoencoder"], self.stack.dtype)
        keys = [latents_key(row.image, encoder, resolution) for row in rows]

        def encode(at: Sequence[int]) -> list[Tensor]:
            return list(encode_latents(self.stack.decoder(("autoencoder",)), self._pictures(rows, at), resolution))

        return self.store.get_or_compute(keys, encode, "Encoding latents").values

    def _pictures(self, rows: Sequence[Row], at: Sequence[int]) -> list[Any]:
        if self.should_stop():
            raise Cancelled(
                "Stopped before the first step.", "The pictures encoded so far are cached: give the command again."
            )
        with self.database.reading() as registry:
            stored = [registry.blob(rows[i].image.sha) for i in at]
        return [decode_png(data) for data in stored]
