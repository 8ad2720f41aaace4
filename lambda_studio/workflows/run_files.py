"""The files of training runs in a home: who works on them, and which no row explains."""

import json
import os
import re
import shutil
from collections.abc import Collection, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from itertools import chain
from pathlib import Path
from typing import Any

from concepts.durable import held, read_small
from concepts.registry import Registry
from lambda_studio.errors import FilesLeft, ModelFilesInvalid, ModelFilesMissing, RunInUse
from lambda_studio.formats import CHECKPOINT_NAME
from lambda_studio.models.adapters.information import AdapterInfo, read_adapter_info
from lambda_studio.workflows.home import adapters_folder, run_folder, run_lock

PREVIEWS = ("previews", "previews.png", "scores.jsonl", "report.html")
"""What shows a run's concepts, in its folder."""
MOST_SCORE_BYTES = 2**24
_ADAPTER = re.compile(r"([0-9a-f]{64})\.safetensors")


@contextmanager
def holding(home: Path, run_ids: Iterable[int], remedy: str) -> Iterator[None]:
    """Hold these runs during the block: nobody else trains, resumes or deletes them. Raises RunInUse.

    A killed holder lets go. Processes on other machines are seen if they share the home.
    """
    with ExitStack() as locks:
        for run_id in run_ids:
            if not locks.enter_context(held(run_lock(home, run_id))):
                raise in_use(run_id, remedy)
        yield


def in_use(run_id: int, remedy: str) -> RunInUse:
    """Return the error for a run that another process works on."""
    return RunInUse(f"Another process is working on run {run_id}.", remedy)


def is_held(home: Path, run_id: int) -> bool:
    """Return whether a process works on the run now."""
    if not run_lock(home, run_id).exists():
        return False
    with held(run_lock(home, run_id)) as free:
        return not free


def saved_step(home: Path, run_id: int) -> int | None:
    """Return the step of the run's newest checkpoint, by its name, or None."""
    names = (CHECKPOINT_NAME.fullmatch(path.name) for path in (run_folder(home, run_id) / "checkpoints").glob("*"))
    return max((int(match[1]) for match in names if match), default=None)


def scores_of(folder: Path) -> Path:
    """Return the path of the scores in a run's folder."""
    return folder / "scores.jsonl"


def read_scores(folder: Path) -> tuple[dict[str, Any], ...]:
    """Return the scores of a run's previews, oldest first. Lines that cannot be read are left out."""
    try:
        lines = read_small(scores_of(folder), MOST_SCORE_BYTES).decode().splitlines()
        return tuple(each for line in lines if isinstance(each := json.loads(line), dict))
    except (OSError, ValueError, RecursionError):
        return ()


def size_of(folder: Path) -> int:
    """Return the bytes of all files in a folder. Files that disappear meanwhile count as empty."""
    total = 0
    for path in folder.rglob("*"):
        with suppress(OSError):  # it was deleted in the meantime
            total += path.lstat().st_size if path.is_file() else 0
    return total


def delete_run(home: Path, run_id: int) -> tuple[Path, ...]:
    """Delete all files of a run that no row has any more. Return what could not be deleted."""
    left = _deleted(run_folder(home, run_id))
    run_lock(home, run_id).unlink(missing_ok=True)
    return left


def delete_checkpoints(home: Path, run_ids: Iterable[int]) -> tuple[tuple[int, ...], tuple[Path, ...]]:
    """Delete the checkpoints of these runs. Return the runs that had some, and what could not be deleted."""
    folders = {run_id: run_folder(home, run_id) / "checkpoints" for run_id in run_ids}
    left = {run_id: _deleted(folder) for run_id, folder in folders.items() if os.path.lexists(folder)}
    return tuple(run_id for run_id, files in left.items() if not files), tuple(chain.from_iterable(left.values()))


def runs_with_previews(home: Path) -> list[int]:
    """Return the numbers of the runs whose folders have previews or a report."""
    found = (path.parent.name for name in PREVIEWS for path in (home / "runs").glob(f"*/{name}"))
    return sorted({int(number) for number in found if number.isdecimal()})


def delete_previews(home: Path, run_ids: Iterable[int]) -> tuple[Path, ...]:
    """Delete the preview pictures and the reports of these runs, and return what could not be deleted."""
    paths = [run_folder(home, run_id) / name for run_id in run_ids for name in PREVIEWS]
    return tuple(chain.from_iterable(_deleted(path) for path in paths if os.path.lexists(path)))


def require_deleted(left: Collection[Path], done: str) -> None:
    """Raise FilesLeft if there are files that could not be deleted. `done` says what was."""
    if left:
        shown = ", ".join(map(str, list(left)[:5])) + (f" and {len(left) - 5} more" if len(left) > 5 else "")
        cause = f"{done}, but these files could not be deleted: {shown}."
        raise FilesLeft(cause, "Delete them yourself. Where one is a link, delete what it leads to as well.")


def _deleted(folder: Path) -> tuple[Path, ...]:
    """Delete a folder or a file without following links, and return what is left of it."""
    if folder.is_symlink():
        return (folder,)
    if folder.is_file():
        with suppress(OSError):  # what could not be deleted is found below
            folder.unlink()
    shutil.rmtree(folder, ignore_errors=True)  # what it could not delete is found below
    if not folder.exists():
        return ()
    return tuple(sorted(path for path in folder.rglob("*") if not path.is_dir())) or (folder,)


def adapters_without_row(home: Path, registry: Registry) -> list[Path]:
    """Return the adapter files of a home that no adapter of the database has."""
    named = {match[1]: path for path in adapters_folder(home).glob("*") if (match := _ADAPTER.fullmatch(path.name))}
    return sorted(named[sha] for sha in registry.adapter_files_without_row(named))


def runs_without_row(home: Path, registry: Registry) -> list[Path]:
    """Return the run folders of a home that no run of the database has."""
    folders = {int(path.name): path for path in (home / "runs").glob("*") if path.name.isdecimal() and path.is_dir()}
    return [folders[run_id] for run_id in sorted(folders.keys() - registry.run_statuses(folders).keys())]


def find_info(path: Path) -> AdapterInfo | None:
    """Return what an adapter file says of itself, or None if it cannot be read."""
    try:
        return read_adapter_info(path)
    except (ModelFilesInvalid, ModelFilesMissing, OSError):
        return None
