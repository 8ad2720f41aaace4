"""Checkpoints that stay intact if the process is killed at any instant.

A checkpoint is staged in its own folder (concepts.durable). The folder gets its name when every file is durable, so a
checkpoint is complete or absent. The previous checkpoint is removed only afterwards.
"""

import hashlib
import json
import re
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import torch
from torch import Tensor

from concepts.durable import file_sha256, make_folder, read_small, remove, staged_folder, unfinished
from lambda_studio.errors import ResumeRefused
from lambda_studio.formats import CHECKPOINT_NAME, FORMAT, UPDATE, format_of, too_new
from lambda_studio.models.files.saving import saving, tensor_bytes

MANIFEST = "manifest.json"
MOST_MANIFEST_BYTES = 2**30
CHECKPOINT_FORMAT = 1
"""The format of the manifest's body. The envelope (a body and its hash) is the same in all formats."""
_PART = re.compile(r"[a-z0-9_]+")


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint whose files all match the hashes in its manifest."""

    folder: Path
    step: int
    meta: dict[str, Any]
    parts: tuple[str, ...]

    def load(self, *parts: str) -> dict[str, Any]:
        """Return these parts of the saved state, or all, on the CPU. Nothing is unpickled."""
        return {
            part: torch.load(self.folder / f"{part}.pt", map_location="cpu", weights_only=True)
            for part in parts or self.parts
        }


def save_checkpoint(
    folder: Path,
    step: int,
    state: Mapping[str, Any],
    meta: Mapping[str, Any],
    keep: int = 2,
    kept_steps: Collection[int] = (),
) -> Checkpoint:
    """Write `state` as the checkpoint of `step`, then remove all but the newest `keep` and those of `kept_steps`.

    Checkpoints of later steps belong to an abandoned history and are removed too.

    Args:
        state: parts made of dicts, lists, tuples, numbers, strings, None and tensors, such as state dicts.
        meta: JSON values.

    Raises:
        CheckpointFailed: the disk refused. No partial checkpoint is left, and the earlier checkpoints are intact.
    """
    for part, value in state.items():
        _check_part(part, value)
    with saving(f"The checkpoint of step {step}", folder, tensor_bytes(state)):
        make_folder(folder)
        _remove_older_litter(folder)
        final = _free_name(folder, step)
        with staged_folder(final) as staged:
            _write_parts(staged, step, state, meta)
    _prune(folder, final, step, keep, kept_steps)
    return Checkpoint(final, step, dict(meta), tuple(state))


def latest_checkpoint(folder: Path) -> Checkpoint | None:
    """Return the newest intact checkpoint in `folder`, or None. Incomplete and damaged checkpoints are skipped.

    Raises ResumeRefused if a newer version wrote the newest intact checkpoint: an older one would lose its steps.
    """
    found = (_find_whole(path) for path in reversed(_saved(folder)))
    return next((checkpoint for checkpoint in found if checkpoint), None)


def find_checkpoint(folder: Path, step: int) -> Checkpoint | None:
    """Return the newest intact checkpoint of this step in `folder`, or None. Raises as `latest_checkpoint`."""
    found = (_find_whole(path) for path in reversed(_saved(folder)) if _order(path)[0] == step)
    return next((checkpoint for checkpoint in found if checkpoint), None)


def _check_part(part: str, value: Any) -> None:
    if not _PART.fullmatch(part):
        raise ValueError(f"A part of a checkpoint is called {part!r}: use lower-case letters, digits and _.")
    require_plain(value, part)


def require_plain(value: Any, where: str) -> None:
    """Raise TypeError, before the write, for every value that `torch.load(weights_only=True)` could not read back."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            require_plain(key, f"a key of {where}")
            require_plain(item, f"{where}[{key!r}]")
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            require_plain(item, f"{where}[{index}]")
    elif not isinstance(value, (Tensor, torch.dtype)) and type(value) not in (str, int, float, bool, type(None)):
        raise TypeError(f"{where} is a {type(value).__name__}; a checkpoint holds tensors and plain values only.")


def _write_parts(staged: Path, step: int, state: Mapping[str, Any], meta: Mapping[str, Any]) -> None:
    files = {f"{part}.pt": _write_part(staged / f"{part}.pt", value) for part, value in state.items()}
    body = {FORMAT: CHECKPOINT_FORMAT, "step": step, "meta": dict(meta), "files": files}
    manifest = json.dumps({"sha256": _digest(body), "body": body}, indent=1)
    (staged / MANIFEST).write_text(manifest, encoding="utf-8")


class _HashedFile:
    """A file for `torch.save` that hashes the bytes as it writes them, so that no byte is read back."""

    def __init__(self, file: BinaryIO):
        self.file, self.hash, self.size = file, hashlib.sha256(), 0
        self.error: OSError | None = None

    def write(self, data: Any) -> int:
        try:
            self.file.write(data)
        except OSError as error:
            self.error = error
            raise
        self.hash.update(data)
        self.size += len(data)
        return len(data)

    def flush(self) -> None:
        self.file.flush()


def _write_part(path: Path, value: Any) -> dict[str, Any]:
    with open(path, "xb") as file:
        hashed = _HashedFile(file)
        try:
            torch.save(value, hashed)  # type: ignore[arg-type]  # torch calls only write and flush
        except RuntimeError as error:  # torch's zip writer replaces the OSError with its own error
            raise hashed.error or error from error
    return {"sha256": hashed.hash.hexdigest(), "size": hashed.size}


def _digest(body: Any) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


def _order(path: Path) -> tuple[int, int]:
    match = CHECKPOINT_NAME.fullmatch(path.name)
    return (int(match[1]), int(match[2] or 0)) if match else (-1, -1)


def _saved(folder: Path) -> list[Path]:
    """Return the folders with a checkpoint's name, oldest first."""
    return sorted((path for path in folder.glob("step-*") if CHECKPOINT_NAME.fullmatch(path.name)), key=_order)


def _free_name(folder: Path, step: int) -> Path:
    """Return an unused name: a rename cannot overwrite a non-empty folder, so a step's second save gets a number."""
    taken = [serial for number, serial in map(_order, _saved(folder)) if number == step]
    return folder / (f"step-{step:08d}" + (f".{max(taken) + 1}" if taken else ""))


def _find_whole(path: Path) -> Checkpoint | None:
    """Return the checkpoint, or None if it is incomplete or damaged. Unknown keys are ignored."""
    try:
        manifest = json.loads(read_small(path / MANIFEST, MOST_MANIFEST_BYTES))
        body = manifest["body"]
        if manifest["sha256"] != _digest(body):
            return None
        if (number := format_of(body)) > CHECKPOINT_FORMAT:
            raise ResumeRefused(too_new(f"The checkpoint {path}", number, CHECKPOINT_FORMAT), UPDATE)
        if not all(_is_file(path / name, expected) for name, expected in body["files"].items()):
            return None
        parts = tuple(name.removesuffix(".pt") for name in body["files"])
        is_known = type(body["step"]) is int and isinstance(body["meta"], dict)
        return Checkpoint(path, body["step"], body["meta"], parts) if is_known else None
    except (AttributeError, OSError, ValueError, TypeError, KeyError, RecursionError):
        return None


def _is_file(path: Path, expected: Mapping[str, Any]) -> bool:
    return path.is_file() and path.stat().st_size == expected["size"] and file_sha256(path) == expected["sha256"]


def _prune(folder: Path, saved: Path, step: int, keep: int, kept_steps: Collection[int]) -> None:
    others = [path for path in _saved(folder) if path != saved]
    earlier = [path for path in others if _order(path)[0] < step]
    kept = set(earlier[-(keep - 1) :] if keep > 1 else ())
    kept |= {path for path in earlier if _order(path)[0] in kept_steps}
    for path in others:
        if path not in kept:
            with unfinished(path) as doomed:  # a kill leaves no partly removed checkpoint under a valid name
                path.rename(doomed)


def _remove_older_litter(folder: Path) -> None:
    """Remove the leftovers of killed runs of the first development versions."""
    for path in folder.glob(".staged-*"):
        with suppress(OSError):  # litter that stays is only space
            remove(path)
