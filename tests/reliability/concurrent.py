"""Many processes that write to one registry at once.

Where this Python's SQLite can corrupt a WAL, STUDIO_SOUND_SQLITE may name a folder with another libsqlite3.so.0 for it.
"""

import json
import multiprocessing
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any
from unittest.mock import patch

from concepts.database import Database
from concepts.errors import ConceptExists
from concepts.records import NewImage
from concepts.registry import Registry
from concepts.stores import sqlite_engine
from tests.reliability.outcome import Harness, Outcome
from tests.server import find_programs, running_server

PROCESSES, EACH, PAIRS = 16, 1000, 200
PICTURE = NewImage(b"picture", None, 1, 1, "a.png")


def run(share: float, folder: Path, seed: int) -> list[Outcome]:
    """16 processes that count up together, in each journal that SQLite may use and on a server; pairs."""
    each, pairs = max(2, round(EACH * share)), max(2, round(PAIRS * share))
    rows = [_counted(folder / "delete", "DELETE", each), _counted_in_a_wal(folder / "wal", each)]
    rows.append(_counted_on_a_server(folder / "server", each))
    return [*rows, _named_twice(folder / "twice", pairs, True), _named_twice(folder / "other", pairs, False)]


def _counted_in_a_wal(home: Path, each: int) -> Outcome:
    version, sound = sqlite_engine.sqlite3.sqlite_version, os.environ.get("STUDIO_SOUND_SQLITE")
    if sqlite_engine.wal_is_sound():
        return _counted(home, "WAL", each)
    if sound is None:
        note = f"Not tried: SQLite {version} can corrupt a WAL, and the engine does not use it."
        return Outcome(fault=f"{PROCESSES} writers, WAL", tried=0, right=0, target=0, note=note)
    words = [sys.executable, "-m", __name__, str(home), str(each)]
    libraries = {**os.environ, "LD_LIBRARY_PATH": sound}
    ended = subprocess.run(words, env=libraries, capture_output=True, text=True, check=True)
    return Outcome(**json.loads(ended.stdout))


def _counted_on_a_server(home: Path, each: int) -> Outcome:
    programs = find_programs()
    if programs is None:
        note = "Not tried: PostgreSQL's programs (initdb, postgres) are not here."
        return Outcome(fault=f"{PROCESSES} writers, PostgreSQL", tried=0, right=0, target=PROCESSES * EACH, note=note)
    with running_server(programs) as server:
        server.add_person("anna")
        return _counted(home, "PostgreSQL", each, server.address(server.new_database(), "anna"))


def _counted(home: Path, where: str, each: int, address: str | None = None) -> Outcome:
    with _journal(where):
        with Database.open(home, address=address) as database, database.transaction() as registry:
            registry.add_concept("default", "0", "counter", [PICTURE])
        said = _together([lambda: _count_up(home, each, address)] * PROCESSES)
        with Database.open(home, address=address) as database, database.reading() as registry:
            (name,) = registry.concept_names("default")
    tried, errors = PROCESSES * each, tuple(sorted({word for word in said if word != "done"}))
    wrong = errors if int(name) == tried else (*errors, f"{tried - int(name)} of {tried} increments were lost")
    note = f"{PROCESSES} processes, {each} increments each: read a number, write the next one"
    return Outcome(
        fault=f"{PROCESSES} writers, {where}",
        tried=tried,
        right=tried if not wrong else min(tried - 1, int(name)),
        target=PROCESSES * EACH,
        wrong=wrong,
        note=note,
    )


def _count_up(home: Path, times: int, address: str | None) -> str:
    with Database.open(home, address=address) as database:
        for _ in range(times):
            database.write(_one_more)
    return "done"


def _one_more(registry: Registry) -> None:
    (name,) = registry.concept_names("default")
    registry.rename_concept("default", name, str(int(name) + 1))


def _named_twice(home: Path, pairs: int, same: bool) -> Outcome:
    Database.open(home).close()
    wrong: list[str] = []
    expected = ["already there", "created"] if same else ["created", "taken"]
    for number in range(pairs):
        contents = (b"same", b"same") if same else (b"one", b"other")
        said = sorted(_together([_adding(home, f"rex {number}", content) for content in contents]))
        wrong += [f"pair {number}: {', '.join(said)}"] * (said != expected)
        print(f"\r  concurrent, pairs: {number + 1} of {pairs}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    kind = "the same content" if same else "other content"
    note = f"one process succeeds, and the other gets the answer: {expected[0] if same else expected[1]}"
    fault = f"two processes add one name, {kind}"
    return Outcome(fault=fault, tried=pairs, right=pairs - len(wrong), target=PAIRS, wrong=tuple(wrong[:20]), note=note)


def _adding(home: Path, name: str, content: bytes) -> Callable[[], str]:
    def add() -> str:
        try:
            with Database.open(home) as database, database.transaction() as registry:
                image = NewImage(content, None, 1, 1, "a.png")
                return "created" if registry.add_concept("default", name, "dog", [image]).created else "already there"
        except ConceptExists:
            return "taken"

    return add


def _together(works: list[Callable[[], str]]) -> list[str]:
    """What each of these says, done at once in a process of its own."""
    context = multiprocessing.get_context("fork")
    words: Any = context.SimpleQueue()

    def say(work: Callable[[], str]) -> None:
        try:
            words.put(work())
        except Exception as error:  # whatever it is, it is what this process has to say
            words.put(f"{type(error).__name__}: {error}")

    processes = [context.Process(target=say, args=(work,)) for work in works]
    for process in processes:
        process.start()
    said = [words.get() for _ in processes]
    for process in processes:
        process.join()
    return said


@contextmanager
def _journal(mode: str) -> Iterator[None]:
    """Let the engine choose this journal, whatever the SQLite is."""
    with patch.object(sqlite_engine, "choose_journal", lambda _path: mode.lower()):
        yield


HARNESSES: dict[str, Harness] = {"concurrent": run}

if __name__ == "__main__":
    if not sqlite_engine.wal_is_sound():
        sys.exit(f"SQLite {sqlite_engine.sqlite3.sqlite_version} can corrupt a WAL.")
    counted = asdict(_counted(Path(sys.argv[1]), "WAL", int(sys.argv[2])))
    print(json.dumps(counted | {"note": f"{counted['note']}; SQLite {sqlite_engine.sqlite3.sqlite_version}"}))
