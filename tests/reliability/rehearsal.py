"""What a command does to a world where nothing goes wrong, and whether a world is before it or after it."""

import json
import shutil
import sqlite3
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

from tests.reliability.tracing import Ended, Point, answer_of, run_apart, write_points
from tests.reliability.world import Command, World, dumped, files_of

DATABASE = Path("home/studio.sqlite3")
ALREADY_SO = (3, 4)
"""Exit codes by which a command that is repeated says that it was done: what it makes is there, what it took is not."""


@dataclass(frozen=True)
class Judged:
    """`sides` of the command a world may be on: before, after, both (nobody can tell) or none."""

    sides: list[str]
    why: str = ""


class Rehearsal:
    """One command, done once without a fault in a copy of its world."""

    def __init__(self, world: World, command: Command, folder: Path):
        self.world, self.command, self.folder = world, command, folder
        folder.mkdir(parents=True, exist_ok=True)
        self.place = folder / "world"
        self.sides_of: dict[str, list[str]] = {}
        self.points: list[Point] = []
        self._rehearse()

    def start(self) -> Path:
        """The world as it is before the command."""
        return self.world.fresh(self.command.home, self.place)

    def do(self, strace: list[str] | None = None) -> Ended:
        """Give the command in the world as it is now."""
        return run_apart(lambda: self.world.call(self.place, self.command.words), self.folder, strace or [])

    def judge(self) -> Judged:
        """Which side the world is on."""
        try:
            return Judged(*answer_of(self._judge, self.folder))
        except RuntimeError as error:
            return Judged([], str(error))

    def judge_and_repeat(self) -> tuple[Judged, str]:
        """Which side the world is on; then give the command again, and what is wrong afterwards, or ""."""
        try:
            judged, wrong = answer_of(self._judge_and_repeat, self.folder)
        except RuntimeError as error:
            return Judged([], str(error)), ""
        return Judged(*judged), wrong

    def _judge(self) -> tuple[list[str], str]:
        copy = copied(self.place, self.folder)  # its own journals are left to whoever comes next
        try:
            rows, files = dumped(copy / DATABASE), files_of(copy)
        except (AssertionError, sqlite3.Error) as error:
            return [], str(error)
        if rows not in self.sides_of:
            return [], "the database is between before and after"
        strange = [name for name, content in files["out"].items() if self.files["out"].get(name) != content]
        strange += [each for each in files["backups"] if each not in self.files["backups"]]
        if strange:
            return [], f"a file is there that is not whole: {strange[0]}"
        sides = set(self.sides_of[rows])
        if files != self.files:
            why = "" if "before" in sides else "the rows are those of after, and a file that belongs to them is missing"
            return sorted(sides & {"before"}), why
        return sorted((sides & {"after"} or sides) if self.files != self.files_before else sides), ""

    def _judge_and_repeat(self) -> tuple[tuple[list[str], str], str]:
        judged = self._judge()
        code = self.world.call(self.place, self.command.words)
        if code != 0 and not (code in ALREADY_SO and "after" in judged[0]):
            return judged, f"again: it ended with {code}"
        if self.command.numbers:
            if strange := self._strange_contents():
                return judged, f"again: a file is there that is not whole: {strange[0]}"
        elif self.world.seen(self.place) != self.after:
            return judged, "again: the world is not what the command makes of it"
        left = unknown_litter(self.place / "home")
        return judged, f"again: {left[0]} is left, and doctor does not know it" if left else ""

    def _strange_contents(self) -> list[str]:
        """Files of a command that numbers them, whose contents are none of those that it writes."""
        known = set(self.files["out"].values())
        return [name for name, content in files_of(self.place)["out"].items() if content not in known]

    def _rehearse(self) -> None:
        borders = self.folder / "borders"
        shutil.rmtree(borders, ignore_errors=True)
        borders.mkdir()
        self.start()
        shutil.copytree(self.place, borders / "0000")

        def work() -> int:
            with _bordered(self.place, borders):
                return self.world.call(self.place, self.command.words)

        ended = run_apart(work, self.folder)
        if ended.code:
            raise RuntimeError(f"{self.command.name}: ended with {ended.code}: {ended.err}")
        shutil.copytree(self.place, borders / "last")
        self.after, self.files_before, self.files, self.sides_of = answer_of(lambda: self._learnt(borders), self.folder)
        self.start()
        self.points = write_points(lambda: self.world.call(self.place, self.command.words), self.folder)

    def _learnt(self, borders: Path) -> tuple[str, Any, Any, dict[str, list[str]]]:
        """What is seen after it, the files before and after, and on which sides the rows are after each transaction."""
        names = sorted(each.name for each in borders.iterdir())
        rows = {name: dumped(copied(borders / name, self.folder) / DATABASE) for name in names}
        files = [files_of(copied(borders / name, self.folder)) for name in ("0000", "last")]
        seen = {name: self.world.seen(copied(borders / name, self.folder)) for name in names}
        libraries = {name: json.loads(text)[0] for name, text in seen.items()}
        sides_of: dict[str, set[str]] = {}
        for name in names:
            # The first and the last are what they are; between transactions it is what a person sees that counts.
            ends = {"before": "0000", "after": "last"}
            sides = {side for side, end in ends.items() if libraries[name] == libraries[end]}
            sides = {side for side, end in ends.items() if name == end} or sides
            if not sides:
                raise RuntimeError(f"{self.command.name}: after one of its transactions it is neither before nor after")
            sides_of[rows[name]] = sides_of.get(rows[name], set()) | sides
        return seen["last"], files[0], files[1], {key: sorted(sides) for key, sides in sides_of.items()}


@cache
def rehearsal(world: World, command: Command) -> Rehearsal:
    """The one rehearsal of a command, for all harnesses."""
    return Rehearsal(world, command, world.folder / "rehearsals" / command.name.replace(" ", "-").replace(",", ""))


def copied(place: Path, folder: Path) -> Path:
    """A copy to look at: looking into a database that was left in the middle changes it."""
    copy = folder / "looked-at"
    shutil.rmtree(copy, ignore_errors=True)
    return shutil.copytree(place, copy)


def unknown_litter(home: Path) -> list[str]:
    """Files with names of the unfinished that `studio doctor --repair` would not sweep up."""
    from concepts.stores.store import store_at
    from lambda_studio.workflows.upkeep.doctor import unfinished

    known = set(unfinished(store_at(home, None), home))
    return [str(path.relative_to(home)) for path in sorted(home.rglob(".*")) if path not in known]


@contextmanager
def _bordered(place: Path, borders: Path) -> Any:
    """Keep a copy of the world after each transaction."""
    from concepts.database import Database
    from concepts.stores.sqlite import SqliteFile

    writing, prepare = Database._writing, SqliteFile.prepare

    def keep() -> None:
        shutil.copytree(place, borders / f"{len(list(borders.iterdir())):04}")

    @contextmanager
    def kept(self: Database, alone: bool = False) -> Any:
        with writing(self, alone) as registry:
            yield registry
        keep()

    def prepared(self: SqliteFile, user: str | None) -> str:
        opened_by = prepare(self, user)
        keep()
        return opened_by

    with patch.object(Database, "_writing", kept), patch.object(SqliteFile, "prepare", prepared):
        yield
