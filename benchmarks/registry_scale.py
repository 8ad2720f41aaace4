"""Measure the latency of the registry at 100,000 concepts and 500,000 image rows.

The database is written in bulk, with the same tables, hashes and manifests as the registry's own. The measurements use
the public API and the command line. Each result has a `yardstick`: the time of a fixed piece of work in the same
minute. On a busy machine only their ratio is meaningful.

    python benchmarks/registry_scale.py [--home FOLDER] [--concepts 100000] [--images 5] [--width 1280] [--calls 300]
        [--record]

It needs about 3 GB of disk in FOLDER, which is kept for re-runs. Without --home it uses a temporary folder.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from measured import add_record_option, record
from sqlalchemy import Connection, insert

from concepts.database import Database
from concepts.models import Base, Blob, Concept, ConceptVersion, Feature, VersionImage
from concepts.names import name_key
from concepts.records import ImageRecord, manifest, sha256
from concepts.stores.sqlite_engine import registry_engine
from lambda_studio.studio import Studio
from lambda_studio.workflows.cache.encoders import Encoder, KnownEncoders
from lambda_studio.workflows.cache.keys import subject_key

ENCODER = Encoder("0" * 64, "float32")
COLOURS = ("amber", "black", "blue", "green", "grey", "orange", "red", "teal", "violet", "white")
NOUNS = ("bear", "boat", "car", "cat", "cup", "dog", "duck", "hat", "robot", "toy")
TARGETS = {
    "lookup": 3.0,
    "page": 10.0,
    "search": 10.0,
    "nearest-again": 60.0,
    "concepts-list": 500.0,
    "help": 300.0,
}
"""The maximum milliseconds. docs/measured.json has the measurements."""


def name_of(number: int) -> str:
    """Return a realistic name: a colour, a noun and a number."""
    return f"{COLOURS[number % 10]} {NOUNS[number // 10 % 10]} {number:06d}"


def build(home: Path, concepts: int, images: int, width: int) -> None:
    """Fill a new registry in bulk: `images` rows, each with its own embedding, for each concept."""
    with Database.open(home) as database, database.reading() as registry:
        library = registry.current_library().id
    engine = registry_engine(home / "studio.sqlite3", foreign_keys=False)
    numbers = np.random.default_rng(0)
    for first in range(1, concepts + 1, 1000):
        batch = range(first, min(first + 1000, concepts + 1))
        rows = Rows(library, images, numbers.standard_normal((len(batch), images, width), dtype=np.float32))
        with engine.begin() as connection:
            rows.write(connection, batch)
    with engine.begin() as connection:
        orphans = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
    if orphans:
        raise SystemExit(f"The bulk insert left {len(orphans)} rows that refer to nothing.")
    KnownEncoders(home).note("miniature", ENCODER)


class Rows:
    """The rows of some concepts, as `Registry.add_concept` and `put_feature` write them."""

    def __init__(self, library: int, images: int, embeddings: np.ndarray):
        self.library, self.images, self.embeddings = library, images, embeddings
        self.tables: dict[type[Base], list[dict[str, Any]]] = {
            table: [] for table in (Blob, Concept, ConceptVersion, VersionImage, Feature)
        }

    def write(self, connection: Connection, numbers: Iterable[int]) -> None:
        """Insert these concepts, table by table."""
        for number, embeddings in zip(numbers, self.embeddings, strict=True):
            self._concept(number, embeddings)
        for table, rows in self.tables.items():
            connection.execute(insert(table), rows)

    def _concept(self, number: int, embeddings: np.ndarray) -> None:
        name, noun, since = name_of(number), NOUNS[number // 10 % 10], moment(number)
        pictures = [self._image(number, position) for position in range(self.images)]
        concept = {"library_id": self.library, "name": name, "name_key": name_key(name), "created_at": since}
        version = {"concept_id": number, "number": 1, "noun": noun, "manifest": manifest(noun, pictures)}
        self.tables[Concept].append({"id": number, **concept})
        self.tables[ConceptVersion].append({"id": number, **version, "created_at": since})
        for position, (picture, embedding) in enumerate(zip(pictures, embeddings, strict=True)):
            key, data = subject_key(picture, ENCODER), embedding.tobytes()
            row = {"version_id": number, "position": position, "image_sha": picture.sha, "mask_sha": picture.mask_sha}
            self.tables[VersionImage].append(
                {**row, "width": 64, "height": 48, "source_name": picture.source_name, "warnings": []}
            )
            feature = {"key": key.text, "kind": key.kind, "image_sha": picture.sha, "mask_sha": picture.mask_sha}
            self.tables[Feature].append(
                {**feature, "blob_sha": self._blob(data), "shape": [len(embedding)], "dtype": "float32"}
            )

    def _image(self, number: int, position: int) -> ImageRecord:
        image, mask = (self._blob(f"{kind} {position} of {number}".encode()) for kind in ("image", "mask"))
        return ImageRecord(image, mask, 64, 48, f"photo{position}.jpg", ())

    def _blob(self, data: bytes) -> str:
        sha = sha256(data)
        self.tables[Blob].append({"sha": sha, "size": len(data), "data": data})
        return sha


def moment(number: int) -> datetime:
    """Return the creation time of a concept: one per minute."""
    return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=number)


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Return the wall-clock and processor milliseconds of `work`, including child processes."""
    start, before = time.perf_counter(), sum(os.times()[:4])
    work()
    return 1000 * (time.perf_counter() - start), 1000 * (sum(os.times()[:4]) - before)


def spread(times: list[tuple[float, float]]) -> dict[str, float]:
    """Return p50 and p99 of the wall-clock time and the mean processor time, in milliseconds."""
    clock, processor = zip(*times, strict=True)
    return {
        "p50": float(np.percentile(clock, 50)),
        "p99": float(np.percentile(clock, 99)),
        "processor": float(np.mean(processor)),
        "calls": len(times),
    }


def measure(home: Path, concepts: int, calls: int) -> Iterator[tuple[str, dict[str, float]]]:
    """Yield each kind of request with its times."""
    picks = [int(pick) for pick in np.random.default_rng(1).integers(1, concepts + 1, calls)]
    names = [name_of(pick) for pick in picks]
    with Studio(home) as studio:
        library = studio.library

        def lookup(name: str) -> None:
            with studio.database.reading() as registry:
                assert registry.get_concept(library, name).name == name

        yield "lookup", spread([timed(lambda name=name: lookup(name)) for name in names])
        yield "page", spread([timed(lambda name=name: studio.concepts.page(limit=50, after=name)) for name in names])
        words = [name[-4:] for name in names]
        yield "search", spread([timed(lambda word=word: studio.concepts.page(word, limit=50)) for word in words])
        yield (
            "search-nothing-found",
            spread([timed(lambda: studio.concepts.page("no such", limit=50)) for _ in range(20)]),
        )
        yield "not-found", spread([timed(lambda name=name: missing(studio, name)) for name in names[:20]])
        yield "nearest-first", spread([timed(lambda: studio.concepts.similar(names[0]))])
        yield "nearest-again", spread([timed(lambda name=name: studio.concepts.similar(name)) for name in names[:20]])
    yield "concepts-list", spread([timed(lambda: cli(home, "concepts", "list")) for _ in range(10)])
    yield "concepts-list-search", spread([timed(lambda: cli(home, "concepts", "list", "--search", words[0]))])
    yield "help", spread([timed(lambda: cli(home, "--help")) for _ in range(10)])
    yield "python-and-sqlalchemy", spread([timed(bare) for _ in range(10)])


def missing(studio: Studio, name: str) -> None:
    """Ask for an unknown name that is close to a known one."""
    from concepts.errors import ConceptNotFound

    try:
        studio.concepts.show(name + "x")
    except ConceptNotFound as error:
        assert name in str(error), error
    else:
        raise AssertionError(f"{name}x was found")


def cli(home: Path, *words: str) -> None:
    """Run one command in its own process, which must succeed."""
    command = [sys.executable, "-P", "-m", "cli.main", "--home", str(home), *words]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def bare() -> None:
    """Start Python and import the libraries: the minimum time of a command that reads the database."""
    subprocess.run([sys.executable, "-P", "-c", "import sqlalchemy.orm, click"], check=True)


def yardstick() -> dict[str, float]:
    """Time a fixed piece of work without our code: about 12 ms on an idle processor of 2026."""
    times = spread([timed(lambda: sum(range(1_000_000))) for _ in range(10)])
    return {"yardstick": times["p50"], "yardstick processor": times["processor"]}


parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--home", type=Path)
parser.add_argument("--concepts", type=int, default=100_000)
parser.add_argument("--images", type=int, default=5)
parser.add_argument("--width", type=int, default=1280)
parser.add_argument("--calls", type=int, default=300)
add_record_option(parser)
arguments = parser.parse_args()

with tempfile.TemporaryDirectory() as temporary:
    home = arguments.home or Path(temporary)
    if not (home / "encoders.json").exists():
        build(home, arguments.concepts, arguments.images, arguments.width)
    size = (home / "studio.sqlite3").stat().st_size
    about = {"concepts": arguments.concepts, "images": arguments.images * arguments.concepts, "bytes": size}
    print(json.dumps({**about, "cores": os.cpu_count(), "load": os.getloadavg()[0]}))
    times = {}
    for what, figures in measure(home, arguments.concepts, arguments.calls):
        target = {"target": TARGETS[what]} if what in TARGETS else {}
        times[what] = {name: round(value, 2) for name, value in (figures | target | yardstick()).items()}
        print(json.dumps({"what": what, **times[what]}), flush=True)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # KiB
    print(json.dumps({"most memory": f"{memory >> 10} MiB"}))
    if arguments.record:
        record("registry-times", "milliseconds", times)
        record("registry-size", "GB", {"database": round(size / 1e9, 2), "memory": round(memory * 1024 / 1e9, 2)})
