"""What a run saves: there is room for it, or the disk's refusal is told as one that the run can go on from."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from torch import Tensor

from concepts.durable import StorageFailed, require_room
from lambda_studio.errors import CheckpointFailed

RESUME = "What was saved before is whole: make room, and go on with --resume."


@contextmanager
def saving(what: str, folder: Path, needed: int) -> Iterator[None]:
    """Check that `folder` has room for `needed` bytes; turn what the disk refuses into CheckpointFailed."""
    try:
        require_room(folder, needed, what)
        yield
    except StorageFailed as error:
        raise CheckpointFailed(error.cause, RESUME) from error
    except OSError as error:
        cause = f"{what} could not be written to {folder}: {error.strerror or error}."
        raise CheckpointFailed(cause, f"It needs {needed / 2**20:,.1f} MiB there. {RESUME}") from error


def tensor_bytes(value: Any) -> int:
    """Return the size of all tensors in nested mappings and sequences."""
    if isinstance(value, Tensor):
        return value.numel() * value.element_size()
    if isinstance(value, Mapping):
        return sum(map(tensor_bytes, value.values()))
    return sum(map(tensor_bytes, value)) if isinstance(value, (list, tuple)) else 0
