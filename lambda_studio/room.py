"""Whether a disk has room for what is about to be written."""

import shutil
from collections.abc import Iterable
from pathlib import Path

from torch import Tensor

from lambda_studio.errors import CheckpointFailed


def require_room(folder: Path, tensors: Iterable[Tensor], what: str) -> None:
    """Raise CheckpointFailed unless the disk of `folder` has room for these tensors. Nothing is written."""
    needed = sum(tensor.numel() * tensor.element_size() for tensor in tensors)
    free = shutil.disk_usage(folder).free
    if free < needed:
        cause = f"{what} needs {needed / 2**20:,.1f} MiB, and {folder} has {free / 2**20:,.1f} MiB free."
        raise CheckpointFailed(cause, "What was saved before is whole: make room, and go on with --resume.")
