"""Read cached features from the registry, or compute and store them."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from concepts.database import Database
from concepts.records import FeatureRecord
from concepts.registry import Registry
from lambda_studio.bundles.given import DTYPE
from lambda_studio.progress import Progress
from lambda_studio.workflows.cache.keys import FeatureKey

CHUNK = 8
"""Pictures encoded between two transactions: the most work that a kill can lose."""


@dataclass(frozen=True)
class Kept:
    """Values in the order of their keys, and how many were computed."""

    values: list[Tensor]
    computed: int


class FeatureStore:
    """The registry's features as float32 tensors on the CPU."""

    def __init__(self, database: Database, progress: Progress):
        self.database, self.progress = database, progress

    def find(self, keys: Sequence[FeatureKey]) -> dict[FeatureKey, Tensor]:
        """Return the stored values among these keys. A damaged value counts as missing."""
        with self.database.reading() as registry:
            records = registry.features([key.text for key in keys])
        found = {key: records[key.text] for key in keys if key.text in records}
        return {key: _tensor(record) for key, record in found.items() if _is_whole(record)}

    def get_or_compute(
        self, keys: Sequence[FeatureKey], compute: Callable[[Sequence[int]], Sequence[Tensor]], label: str
    ) -> Kept:
        """Return every key's value. `compute` gets the positions of missing keys in chunks; each chunk is stored."""
        known = self.find(keys)
        missing = [i for i, key in enumerate(keys) if key not in known and key not in keys[:i]]
        if missing:
            with self.progress(label, total=len(missing)) as advance:
                for start in range(0, len(missing), CHUNK):
                    chunk = missing[start : start + CHUNK]
                    new = {keys[i]: value.cpu().float() for i, value in zip(chunk, compute(chunk), strict=True)}
                    self._put(new)
                    known |= new
                    advance(len(chunk))
        return Kept([known[key] for key in keys], len(missing))

    def _put(self, values: dict[FeatureKey, Tensor]) -> None:
        arrays = {key: value.numpy() for key, value in values.items()}

        def put(registry: Registry) -> None:
            registry.drop_features([key.text for key in arrays])  # a damaged one would stay
            for key, array in arrays.items():
                shape, dtype = array.shape, str(array.dtype)
                registry.put_feature(key.text, key.kind, array.tobytes(), shape, dtype, key.image, key.mask)

        self.database.write(put)


def _is_whole(record: FeatureRecord) -> bool:
    """Return whether the row says what its bytes are."""
    sizes = [size for size in record.shape if type(size) is int and size >= 0]
    return record.dtype == DTYPE and len(sizes) == len(record.shape) and len(record.data) == 4 * math.prod(sizes)


def _tensor(record: FeatureRecord) -> Tensor:
    return torch.from_numpy(np.frombuffer(record.data, dtype=record.dtype).copy()).reshape(record.shape)
