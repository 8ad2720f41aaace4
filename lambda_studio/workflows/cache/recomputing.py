"""Recompute cached features and compare them with the stored values. Hashes do not find a wrong computation."""

import random
from collections.abc import Iterator, Sequence
from datetime import date
from itertools import groupby

import torch
from PIL import Image
from torch import Tensor

from concepts.records import ImageRecord
from lambda_studio.pictures.files.png import decode_png
from lambda_studio.progress import Progress
from lambda_studio.training.examples import encode_image_embeds, encode_latents
from lambda_studio.workflows.cache.keys import CROP, SUBJECT, ZERO, FeatureKey, encoder_of
from lambda_studio.workflows.cache.store import CHUNK, FeatureStore
from lambda_studio.workflows.cache.subjects import SubjectEmbedder

SHARE = 100
"""One of this many features is recomputed, and at least CHUNK."""
TOLERANCES = {"float32": 0.01, "float16": 0.02, "bfloat16": 0.1}
"""The largest allowed distance from the stored value, as a share of its length, by number format.

Processors round differently, and GPUs may multiply float32 with fewer bits. For comparison: at a cosine of 0.90,
where two concepts count as alike, the distance is 0.45.
"""


class Recomputing:
    """The cached features of one stack's encoders, for all pictures that the user can see."""

    def __init__(self, embedder: SubjectEmbedder, progress: Progress):
        self.embedder, self.progress = embedder, progress
        self.database, self.stack = embedder.database, embedder.stack
        self.store = FeatureStore(self.database, progress)

    def cached(self) -> list[FeatureKey]:
        """Return the keys of the stored features that this stack would compute now."""
        prints = self.stack.fingerprints()
        encoders = [encoder_of(prints[part], self.stack.dtype) for part in ("clip", "autoencoder")]
        with self.database.reading() as registry:
            kept = [key for text in registry.computed_features() if (key := FeatureKey.find(text))]
        ours = [key for key in kept if key.encoder in encoders and key.up_to_date]
        return sorted(ours, key=lambda key: (key.kind, key.preprocessing, key.text))

    def wrong(self, keys: Sequence[FeatureKey]) -> list[FeatureKey]:
        """Return the keys whose stored value differs from their encoder's output. Raises model loading's errors."""
        found: list[FeatureKey] = []
        with self.progress("Recomputing features", total=len(keys)) as advance:
            for chunk in _chunks(keys):
                kept = self.store.find(chunk)  # without damaged values, which their hashes already showed
                again = self._compute(list(kept)) if kept else []
                found += [key for key, value in zip(kept, again, strict=True) if differ(key, kept[key], value)]
                advance(len(chunk))
        return found

    def drop(self, keys: Sequence[FeatureKey]) -> None:
        """Delete these features; they are computed again on next use."""
        self.database.write(lambda registry: registry.drop_features([key.text for key in keys]))

    def _compute(self, keys: Sequence[FeatureKey]) -> list[Tensor]:
        """Compute the values of keys with the same kind and preprocessing."""
        first = keys[0]
        if first.kind == SUBJECT:
            return self.embedder.embed([ImageRecord(key.image or "", key.mask, 0, 0, "", ()) for key in keys])
        if first.kind == ZERO:
            return [self.stack.clip(("vision",)).zero_image_embeds()]
        with self.database.reading() as registry:
            pictures = [_part(decode_png(registry.blob(key.image or "")), key) for key in keys]
        if first.kind == CROP:
            return list(encode_image_embeds(self.stack.clip(("vision",)), pictures))
        return list(encode_latents(self.stack.decoder(("autoencoder",)), pictures, first.size))


def _part(picture: Image.Image, key: FeatureKey) -> Image.Image:
    """Return the part that a key names. A part outside the picture is not cut, and its stored value is then wrong."""
    return key.crop.cut(picture) if key.crop and key.crop.is_inside(picture.size) else picture


def sample(keys: Sequence[FeatureKey], day: date) -> list[FeatureKey]:
    """Choose one key of SHARE at random. The day is the seed, so that over time every key is checked."""
    count = min(len(keys), max(CHUNK, len(keys) // SHARE))
    chosen = random.Random(day.toordinal()).sample(range(len(keys)), count)
    return [keys[at] for at in sorted(chosen)]


def differ(key: FeatureKey, kept: Tensor, computed: Tensor) -> bool:
    """Return whether two values of a feature differ by more than rounding."""
    if kept.shape != computed.shape:
        return True
    computed = computed.cpu().float()
    apart = torch.linalg.vector_norm(kept.float() - computed) / torch.linalg.vector_norm(computed)
    return not apart <= TOLERANCES[key.encoder.dtype]  # also true for NaN


def _chunks(keys: Sequence[FeatureKey]) -> Iterator[list[FeatureKey]]:
    """Yield chunks of keys with the same kind and preprocessing."""
    for _, group in groupby(keys, key=lambda key: (key.kind, key.preprocessing)):
        alike = list(group)
        yield from (alike[start : start + CHUNK] for start in range(0, len(alike), CHUNK))
