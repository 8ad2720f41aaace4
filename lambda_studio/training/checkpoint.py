"""Checkpoints that a kill at any instant leaves whole.

A checkpoint is staged in a folder of its own, each file and then the manifest is synced, the folder is renamed into
place and the parent synced: it is there with every byte, or it is not there. The one before goes only afterwards.
"""

import hashlib
import json
import os
import re
import secrets
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import torch
from torch import Tensor

from lambda_studio.errors import CheckpointFailed, ResumeRefused
from lambda_studio.formats import FORMAT, UPDATE, format_of, too_new
from lambda_studio.room import require_room

MANIFEST = "manifest.json"
CHECKPOINT_FORMAT = 1
"""Of the manifest's body. The envelope, a hash beside a body, is the same in all formats."""
_STAGED = ".staged-"
_NAME = re.compile(r"step-(\d{8,})(?:\.(\d+))?")
_PART = re.compile(r"[a-z0-9_]+")


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint whose every file has the hash that its manifest says."""

    folder: Path
    step: int
    meta: dict[str, Any]
    parts: tuple[str, ...]

    def load(self) -> dict[str, Any]:
        """The state that was saved, on the CPU; nothing is unpickled."""
        return {
            part: torch.load(self.folder / f"{part}.pt", map_location="cpu", weights_only=True) for part in self.parts
        }


def save_checkpoint(
    folder: Path, step: int, state: Mapping[str, Any], meta: Mapping[str, Any], keep: int = 2
) -> Checkpoint:
    """Write `state` as the checkpoint of `step`, and only then remove all but the newest `keep`.

    Each part of `state` is made of dicts, lists, tuples, numbers, strings, None and tensors (a state dict is). What
    lies in `folder` with a later step is from a history that this one leaves, and goes too. `meta` must be JSON.
    Raises CheckpointFailed where the disk refuses: nothing half done is left and the checkpoints before are whole.
    """
    for part, value in state.items():
        _check_part(part, value)
    staged = folder / f"{_STAGED}{os.getpid()}-{secrets.token_hex(4)}"
    try:
        make_folder(folder)
        _remove_staged(folder)
        require_room(folder, _tensors(state), f"The checkpoint of step {step}")
        staged.mkdir()
        _write_staged(staged, step, state, meta)
        final = _free_name(folder, step)
        os.rename(staged, final)
        _sync_folder(folder)
    except OSError as error:
        shutil.rmtree(staged, ignore_errors=True)
        raise _failed(folder, step, state, error) from error
    _prune(folder, final, step, keep)
    return Checkpoint(final, step, dict(meta), tuple(state))


def latest_checkpoint(folder: Path) -> Checkpoint | None:
    """Return the newest checkpoint in `folder` that is whole, or None. Half-written and damaged ones are passed over.

    Raises ResumeRefused where the newest that is whole was written by a newer version: an older one would undo it.
    """
    found = (_find_whole(path) for path in reversed(_saved(folder)))
    return next((checkpoint for checkpoint in found if checkpoint), None)


def _check_part(part: str, value: Any) -> None:
    if not _PART.fullmatch(part):
        raise ValueError(f"A part of a checkpoint is called {part!r}: use lower-case letters, digits and _.")
    _check_plain(value, part)


def _check_plain(value: Any, where: str) -> None:
    """Refuse what `torch.load(weights_only=True)` would refuse, before it is written and not when it is needed."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            _check_plain(key, f"a key of {where}")
            _check_plain(item, f"{where}[{key!r}]")
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            _check_plain(item, f"{where}[{index}]")
    elif not isinstance(value, (Tensor, torch.dtype)) and type(value) not in (str, int, float, bool, type(None)):
        raise TypeError(f"{where} is a {type(value).__name__}; a checkpoint holds tensors and plain values only.")


def _write_staged(staged: Path, step: int, state: Mapping[str, Any], meta: Mapping[str, Any]) -> None:
    files = {f"{part}.pt": _write_part(staged / f"{part}.pt", value) for part, value in state.items()}
    body = {FORMAT: CHECKPOINT_FORMAT, "step": step, "meta": dict(meta), "files": files}
    with open(staged / MANIFEST, "x", encoding="utf-8") as file:
        json.dump({"sha256": _digest(body), "body": body}, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    _sync_folder(staged)


class _HashedFile:
    """What `torch.save` writes into: hashed on the way, so that nothing is read back."""

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
            torch.save(value, hashed)  # type: ignore[arg-type]  # torch asks for no more than write and flush
        except RuntimeError as error:  # torch's zip writer hides the disk's own error behind one of its own
            raise hashed.error or error from error
        file.flush()
        os.fsync(file.fileno())
    return {"sha256": hashed.hash.hexdigest(), "size": hashed.size}


def _digest(body: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


def make_folder(folder: Path) -> None:
    """Make it, and those above it that are missing, under names that outlast a power loss."""
    made = [each for each in (folder, *folder.parents) if not each.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for each in made:
        _sync_folder(each.parent)


def _sync_folder(folder: Path) -> None:
    if os.name == "nt":  # Windows cannot open a folder, and needs no sync of it
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _order(path: Path) -> tuple[int, int]:
    match = _NAME.fullmatch(path.name)
    return (int(match[1]), int(match[2] or 0)) if match else (-1, -1)


def _saved(folder: Path) -> list[Path]:
    """The folders that are named as checkpoints, oldest first."""
    return sorted((path for path in folder.glob("step-*") if _NAME.fullmatch(path.name)), key=_order)


def _free_name(folder: Path, step: int) -> Path:
    """A rename cannot replace a folder that is not empty: a second save of one step gets a number."""
    taken = [serial for number, serial in map(_order, _saved(folder)) if number == step]
    return folder / (f"step-{step:08d}" + (f".{max(taken) + 1}" if taken else ""))


def _find_whole(path: Path) -> Checkpoint | None:
    """Return the checkpoint, or None where it is not whole. Keys that this version does not know are ignored."""
    try:
        manifest = json.loads((path / MANIFEST).read_bytes())
        body = manifest["body"]
        if manifest["sha256"] != _digest(body):
            return None
        if (number := format_of(body)) > CHECKPOINT_FORMAT:
            raise ResumeRefused(too_new(f"The checkpoint {path}", number, CHECKPOINT_FORMAT), UPDATE)
        if not all(_is_file(path / name, expected) for name, expected in body["files"].items()):
            return None
    except (OSError, ValueError, TypeError, KeyError):
        return None
    return Checkpoint(path, body["step"], body["meta"], tuple(name.removesuffix(".pt") for name in body["files"]))


def _is_file(path: Path, expected: Mapping[str, Any]) -> bool:
    if path.stat().st_size != expected["size"]:
        return False
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == expected["sha256"]


def _prune(folder: Path, saved: Path, step: int, keep: int) -> None:
    others = [path for path in _saved(folder) if path != saved]
    earlier = [path for path in others if _order(path)[0] < step]
    kept = set(earlier[-(keep - 1) :] if keep > 1 else ())
    for path in others:
        if path not in kept:
            _remove(path)


def _remove(path: Path) -> None:
    """Under a staged name first, so that a kill leaves no half-removed checkpoint under a good name."""
    doomed = path.with_name(f"{_STAGED}{path.name}-{secrets.token_hex(4)}")
    os.rename(path, doomed)
    shutil.rmtree(doomed, ignore_errors=True)


def _remove_staged(folder: Path) -> None:
    for path in folder.glob(f"{_STAGED}*"):
        shutil.rmtree(path, ignore_errors=True)


def _failed(folder: Path, step: int, state: Mapping[str, Any], error: OSError) -> CheckpointFailed:
    need = sum(tensor.numel() * tensor.element_size() for tensor in _tensors(state))
    return CheckpointFailed(
        f"The checkpoint of step {step} could not be written to {folder}: {error.strerror or error}.",
        f"It needs {need / 2**20:.1f} MiB there. The checkpoint before it, if any, is whole: make room and resume.",
    )


def _tensors(value: Any) -> list[Tensor]:
    """Every tensor in a state."""
    if isinstance(value, Tensor):
        return [value]
    items: Sequence[Any] = ()
    if isinstance(value, Mapping):
        items = list(value.values())
    elif isinstance(value, (list, tuple)):
        items = value
    return [tensor for item in items for tensor in _tensors(item)]
