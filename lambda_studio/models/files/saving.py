"""Saving a run's files: check the disk space first, and report a refused write as an error that --resume can fix."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from torch import Tensor

from concepts.durable import StorageFailed, require_room
from lambda_studio.errors import CheckpointFailed

RESUME = "Earlier files are intact: free disk space, then continue with resume=True."


def require_room_to_save(what: str, folder: Path, needed: int) -> None:
    """Raise CheckpointFailed if the disk of `folder` has fewer than `needed` bytes free."""
    try:
        require_room(folder, needed, what)
    except StorageFailed as error:
        raise CheckpointFailed(error.cause, RESUME) from error


@contextmanager
def saving(what: str, folder: Path, needed: int) -> Iterator[None]:
    """Check that `folder` has room for `needed` bytes; raise CheckpointFailed if the disk refuses."""
    try:
        require_room_to_save(what, folder, needed)
        yield
    except StorageFailed as error:
        raise CheckpointFailed(error.cause, RESUME) from error
    except OSError as error:
        cause = f"{what} could not be written to {folder}: {error.strerror or error}."
        raise CheckpointFailed(cause, f"The write needs {needed / 2**20:,.1f} MiB there. {RESUME}") from error


def tensor_bytes(value: Any) -> int:
    """Return the bytes of all tensors in nested mappings and sequences."""
    if isinstance(value, Tensor):
        return value.numel() * value.element_size()
    if isinstance(value, Mapping):
        return sum(map(tensor_bytes, value.values()))
    return sum(map(tensor_bytes, value)) if isinstance(value, (list, tuple)) else 0
