"""The training examples of fine-tuning, computed once and cached in the registry."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from PIL import Image
from torch import Tensor

from concepts.database import Database
from concepts.records import ConceptRecord, ImageRecord
from lambda_studio.config import FinetuneConfig, Size
from lambda_studio.errors import Cancelled
from lambda_studio.models.stacks.stack import Stack
from lambda_studio.pictures.files.png import decode_png
from lambda_studio.pictures.parts import Crop
from lambda_studio.progress import Progress
from lambda_studio.training.examples import Example, encode_image_embeds, encode_latents
from lambda_studio.workflows.cache.encoders import Encoder
from lambda_studio.workflows.cache.keys import crop_key, encoder_of, latents_key
from lambda_studio.workflows.cache.left_out import require_pictures
from lambda_studio.workflows.cache.store import FeatureStore
from lambda_studio.workflows.cache.training_crops import Row, TrainingCrops

PLAIN = FinetuneConfig()
STEPS = 8
"""A bucket's sides are multiples of about this part of the resolution: of 64 pixels at 512."""


class ExampleTable:
    """The training examples of fine-tuning: for each picture, the latents and CLIP's embedding of one crop."""

    def __init__(self, database: Database, stack: Stack, progress: Progress, should_stop: Callable[[], bool]):
        self.database, self.stack, self.should_stop = database, stack, should_stop
        self.store, self.crops = FeatureStore(database, progress), TrainingCrops(database)

    def examples(
        self, concepts: Sequence[ConceptRecord], resolution: int, config: FinetuneConfig = PLAIN
    ) -> list[Example]:
        """Return an example for each crop of each picture of these concepts.

        Afterwards neither CLIP nor MoVQ is in memory. `config` says which crops, and whether the loss is masked.
        """
        require_pictures(concepts, "fine-tuning")
        rows = list(self.rows(concepts, resolution, config))
        embeds = self._image_embeds(rows)
        self.stack.free("clip")
        latents = self._latents(rows)
        self.stack.free("decoder")
        one_way = config.random_flip and config.conditions != "paper"
        masked = config.masked_loss or config.conditions == "scenes" or one_way
        return [
            Example(
                row.concept.name, row.image.sha, *values,
                crop=str(row.crop or ""), mask=self.crops.share(row, values[0]) if masked else None,
            )
            for row, values in zip(rows, zip(latents, embeds, strict=True), strict=True)
        ]  # fmt: skip

    def to_encode(self, concepts: Sequence[ConceptRecord], resolution: int, config: FinetuneConfig = PLAIN) -> int:
        """Return how many crops of these concepts have no cached latents or no cached embedding yet."""
        clip, autoencoder = self._encoder("clip"), self._encoder("autoencoder")
        pairs = {
            (crop_key(row.image, clip, row.seen), latents_key(row.image, autoencoder, row.size, row.crop))
            for row in self.rows(concepts, resolution, config)
        }
        found = self.store.find([key for pair in pairs for key in pair])
        return sum(any(key not in found for key in pair) for pair in pairs)

    def shapes(self, concepts: Sequence[ConceptRecord], resolution: int, config: FinetuneConfig) -> dict[Size, int]:
        """Return how many of these concepts' pictures have their main crop learnt in each size, the most first."""
        main = self.rows(concepts, resolution, replace(config, variants=1, random_flip=False))
        return dict(Counter(row.size for row in main).most_common())

    def rows(self, concepts: Sequence[ConceptRecord], resolution: int, config: FinetuneConfig) -> Iterator[Row]:
        """Iterate over the parts of these concepts' pictures that are learnt, of each picture its main crop first."""
        multiple = self.stack.size_multiple
        step = -(-resolution // STEPS // multiple) * multiple  # rounded up
        return self.crops.rows(concepts, resolution, config, step)

    def _encoder(self, part: str) -> Encoder:
        return encoder_of(self.stack.fingerprints()[part], self.stack.dtype)

    def _image_embeds(self, rows: Sequence[Row]) -> list[Tensor]:
        encoder = self._encoder("clip")
        keys = [crop_key(row.image, encoder, row.seen) for row in rows]

        def encode(at: Sequence[int]) -> list[Tensor]:
            squares = self._cut([(rows[i].image, rows[i].square) for i in at])
            return list(encode_image_embeds(self.stack.clip(("vision",)), squares))

        return self.store.get_or_compute(keys, encode, "Encoding what CLIP sees").values

    def _latents(self, rows: Sequence[Row]) -> list[Tensor]:
        encoder = self._encoder("autoencoder")
        keys = [latents_key(row.image, encoder, row.size, row.crop) for row in rows]

        def encode(at: Sequence[int]) -> list[Tensor]:
            """Encode pictures of one size together."""
            decoder = self.stack.decoder(("autoencoder",))
            pictures = self._cut([(rows[i].image, rows[i].part) for i in at])
            found: dict[int, Tensor] = {}
            for size in {rows[i].size for i in at}:
                alike = [n for n, i in enumerate(at) if rows[i].size == size]
                encoded = encode_latents(decoder, [pictures[n] for n in alike], size)
                found |= dict(zip(alike, encoded, strict=True))
            return [found[n] for n in range(len(at))]

        return self.store.get_or_compute(keys, encode, "Encoding latents").values

    def _cut(self, parts: Sequence[tuple[ImageRecord, Crop]]) -> list[Image.Image]:
        if self.should_stop():
            raise Cancelled(
                "Stopped before the first step.", "The pictures encoded so far are cached: give the command again."
            )
        with self.database.reading() as registry:
            stored = [registry.blob(image.sha) for image, _ in parts]
        return [crop.cut(decode_png(data)) for (_, crop), data in zip(parts, stored, strict=True)]
