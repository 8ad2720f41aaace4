"""Find files of adapters and runs that the database does not explain."""

import shlex
from collections.abc import Collection, Iterator
from pathlib import Path

from concepts.names import name_key
from lambda_studio.workflows.home import run_folder
from lambda_studio.workflows.run_files import (
    adapters_without_row,
    delete_checkpoints,
    delete_previews,
    find_info,
    runs_with_previews,
    runs_without_row,
)
from lambda_studio.workflows.upkeep.finding import Finding
from lambda_studio.workflows.workplace import Workplace


def files_without_row(place: Workplace, repair: bool) -> Iterator[Finding]:
    """Find adapter files and run folders without a row, and with `repair` delete checkpoints of finished runs."""
    with place.database.reading() as registry:
        adapters, runs = adapters_without_row(place.home, registry), runs_without_row(place.home, registry)
        there = {name_key(name) for name in registry.concept_names(place.library)} if adapters else set()
    yield from (_adapter(path, there) for path in adapters)
    for folder in runs:
        said = (
            f"{folder} belongs to no run of this database: made before a restore, or by another database. "
            "It may hold what was learnt of its concepts. New runs take other numbers."
        )
        yield Finding("run folder", said, f"If no other database uses this home, delete it: {folder}")
    yield from _ended_checkpoints(place, repair)
    yield from _forgotten_previews(place, repair)


def _adapter(path: Path, there: Collection[str]) -> Finding:
    """Return what to do with an adapter's file. `there` has the keys of the library's names."""
    info = find_info(path)
    names = [str(each.get("name")) for each in info.concepts] if info else []
    said = (
        f"{path} belongs to no adapter of this database. It was trained on: {', '.join(names) or 'unknown concepts'}."
    )
    ways = ["If its run is unfinished, resume it: studio finetune --resume."]
    known = [name for name in names if name_key(name) in there]
    if info and info.method == "lora" and known:
        knows = " ".join(f"--knows {shlex.quote(name)}" for name in known)
        ways += [f"Otherwise import a copy of it: studio adapters import {shlex.quote(str(path))} {knows}"]
    remedy = " ".join([*ways, f"If it is not needed, and no other database uses this home, delete it: {path}"])
    return Finding("adapter file", said, remedy)


def _ended_checkpoints(place: Workplace, repair: bool) -> Iterator[Finding]:
    """Find checkpoints of runs that ended: a process was killed before deleting them, or they are a failed run's."""
    numbers = [int(path.parent.name) for path in place.home.glob("runs/*/checkpoints") if path.parent.name.isdecimal()]
    with place.database.reading() as registry:
        statuses = registry.run_statuses(numbers)
    for number, status in sorted(statuses.items()):
        what, folder = f"run {number}", run_folder(place.home, number) / "checkpoints"
        if status == "failed":
            said = f"it failed, and its checkpoints are left, with what was learnt of its concepts: {folder}"
            yield Finding(what, said, f"Remove them: studio runs drop {number}")
        elif status == "finished" and repair and delete_checkpoints(place.home, [number])[0]:
            yield Finding(what, f"the checkpoints of this finished run were removed: {folder}")
        elif status == "finished":
            said = f"it is finished, and its checkpoints are left: {folder}"
            remedy = f"Delete it: {folder}" if repair else "Remove them: studio doctor --repair"
            yield Finding(what, said, remedy, mendable=not repair)


def _forgotten_previews(place: Workplace, repair: bool) -> Iterator[Finding]:
    """Find previews and reports of runs on forgotten concepts: a process was killed before deleting them."""
    with place.database.reading() as registry:
        runs = [registry.find_run(number) for number in runs_with_previews(place.home)]
    for run in (run for run in runs if run and any(seen.forgotten for seen in run.concepts)):
        what, folder = f"run {run.id}", run_folder(place.home, run.id)
        if repair and not delete_previews(place.home, [run.id]):
            yield Finding(what, f"its previews and its report showed a forgotten concept, and were removed: {folder}")
        else:
            said = f"its previews and its report show a forgotten concept: {folder}"
            remedy = f"Delete them: {folder}" if repair else "Remove them: studio doctor --repair"
            yield Finding(what, said, remedy, mendable=not repair)
