"""Read cached features from the registry, or compute and store them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from concepts.database import Database
from concepts.records import FeatureRecord
from concepts.registry import Registry
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
        """Return the stored values among these keys."""
        with self.database.reading() as registry:
            records = registry.features([key.text for key in keys])
        return {key: _tensor(records[key.text]) for key in keys if key.text in records}

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
            for key, array in arrays.items():
                shape, dtype = array.shape, str(array.dtype)
                registry.put_feature(key.text, key.kind, array.tobytes(), shape, dtype, key.image, key.mask)

        self.database.write(put)


def _tensor(record: FeatureRecord) -> Tensor:
    return torch.from_numpy(np.frombuffer(record.data, dtype=record.dtype).copy()).reshape(record.shape)
