"""What a command does to a world where nothing goes wrong, and whether a world is before it or after it."""

import json
import shutil
import sqlite3
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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
        self.sides_of: dict[str, frozenset[str]] = {}
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
        sides = self.sides_of[rows]
        if files != self.files:
            why = "" if "before" in sides else "the rows are those of after, and a file that belongs to them is missing"
            return sorted(sides & {"before"}), why
        return sorted((sides & {"after"} or sides) if self.files != self.files_before else sides), ""

    def _judge_and_repeat(self) -> tuple[tuple[list[str], str], str]:
        judged = self._judge()
        code = self.world.call(self.place, self.command.words)
        if code != 0 and not (code in ALREADY_SO and "after" in judged[0]):
            return judged, f"again: it ended with {code}"
        if self.world.seen(self.place) != self.after:
            return judged, "again: the world is not what the command makes of it"
        left = unknown_litter(self.place / "home")
        return judged, f"again: {left[0]} is left, and doctor does not know it" if left else ""

    def _rehearse(self) -> None:
        borders = self.folder / "borders"
        shutil.rmtree(borders, ignore_errors=True)
        borders.mkdir()
        self.start()
        self.before = self._seen(copied(self.place, self.folder))
        shutil.copytree(self.place, borders / "0000")

        def work() -> int:
            with _bordered(self.place, borders):
                return self.world.call(self.place, self.command.words)

        ended = run_apart(work, self.folder)
        if ended.code:
            raise RuntimeError(f"{self.command.name}: ended with {ended.code}: {ended.err}")
        shutil.copytree(self.place, borders / "last")
        self.after = self._seen(copied(borders / "last", self.folder))
        self.files_before, self.files = (self._files(borders / name) for name in ("0000", "last"))
        for border in sorted(borders.iterdir()):
            self._learn(border)
        self.start()
        self.points = write_points(lambda: self.world.call(self.place, self.command.words), self.folder)

    def _learn(self, border: Path) -> None:
        """Which side the rows are on after one of the transactions: the first and last are, others by what is seen."""
        copy = copied(border, self.folder)
        rows = answer_of(lambda: dumped(copy / DATABASE), self.folder)
        sides = {"0000": {"before"}, "last": {"after"}}.get(border.name)
        if sides is None:
            libraries = json.loads(self._seen(copy))[0]
            pairs = {"before": json.loads(self.before)[0], "after": json.loads(self.after)[0]}
            sides = {side for side, expected in pairs.items() if libraries == expected}
        if not sides:
            raise RuntimeError(f"{self.command.name}: after one of its transactions it is neither before nor after")
        self.sides_of[rows] = self.sides_of.get(rows, frozenset()) | sides

    def _files(self, place: Path) -> Any:
        return answer_of(lambda: files_of(copied(place, self.folder)), self.folder)

    def _seen(self, place: Path) -> str:
        return str(answer_of(lambda: self.world.seen(place), self.folder))


def copied(place: Path, folder: Path) -> Path:
    """A copy to look at: looking into a database that was left in the middle changes it."""
    copy = folder / "looked-at"
    shutil.rmtree(copy, ignore_errors=True)
    return shutil.copytree(place, copy)


def unknown_litter(home: Path) -> list[str]:
    """Files with names of the unfinished that `studio doctor --repair` would not sweep up."""
    from lambda_studio.workflows.examining import UNFINISHED

    known = {path for pattern in UNFINISHED for path in home.glob(pattern)}
    staged = set(home.glob("runs/*/checkpoints/.staged-*"))  # the next checkpoint of the run sweeps them up
    return [str(path.relative_to(home)) for path in sorted(home.rglob(".*")) if path not in known | staged]


@contextmanager
def _bordered(place: Path, borders: Path) -> Any:
    """Keep a copy of the world after each transaction."""
    from concepts.database import Database

    transaction = Database.transaction

    @contextmanager
    def kept(self: Database) -> Any:
        with transaction(self) as registry:
            yield registry
        shutil.copytree(place, borders / f"{len(list(borders.iterdir())):04}")

    Database.transaction = kept  # type: ignore[method-assign]
    try:
        yield
    finally:
        Database.transaction = transaction  # type: ignore[method-assign]
