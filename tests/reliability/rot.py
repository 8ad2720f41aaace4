"""Bits that flip in the database file while nobody writes."""

import random
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

from concepts.database import Database
from concepts.records import NewImage
from concepts.stores.store import store_at
from lambda_studio.workflows.upkeep.doctor import database_findings
from tests.reliability.outcome import Harness, Outcome

TARGET = 10_000
SEEN_BY_A_PERSON = (
    "SELECT id, name, owner FROM libraries ORDER BY id",
    "SELECT id, library_id, name, removed_at IS NULL FROM concepts ORDER BY id",
    "SELECT id, concept_id, number, noun, manifest FROM concept_versions ORDER BY id",
    "SELECT version_id, position, image_sha, mask_sha FROM version_images ORDER BY version_id, position",
    "SELECT version_id, position, original_sha FROM originals ORDER BY version_id, position",
    "SELECT sha, data FROM blobs ORDER BY sha",
    "SELECT key, blob_sha FROM features ORDER BY key",
    "SELECT id, sha256, file_name FROM adapters ORDER BY id",
)
"""What prompts and pictures come from."""


def run(share: float, folder: Path, seed: int) -> list[Outcome]:
    """Flip one bit at a time; `doctor --depth thorough` must find every flip that a person would meet."""
    whole = _filled(folder).read_bytes()
    path = folder / "flipped.sqlite3"
    path.write_bytes(whole)
    before, chance = _seen(path), random.Random(seed)
    wanted = max(1, round(TARGET * share))
    visible = flips = 0
    wrong: list[str] = []
    while visible < wanted:
        at, bit = chance.randrange(len(whole)), chance.randrange(8)
        flips += 1
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1 << bit]) + whole[at + 1 :])
        if _seen(path) == before:
            continue
        visible += 1
        if found := _unseen(path):
            wrong.append(f"bit {bit} of byte {at}: {found}")
        if visible % 50 == 0:
            print(f"\r  rot: {visible} of {wanted}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    what = "a name, noun, version, image, mask, original, feature or adapter"
    note = f"of {flips} flipped bits, the ones that change {what}, or make the file unreadable"
    right = visible - len(wrong)
    return [
        Outcome(fault="a flipped bit", tried=visible, right=right, target=TARGET, wrong=tuple(wrong[:20]), note=note)
    ]


def _filled(folder: Path) -> Path:
    """A registry with rows in every table that a person meets."""
    chance = random.Random(1)
    with Database.open(folder / "home") as database, database.transaction() as registry:
        for number, name in enumerate(("rex", "hat", "mug", "blue teapot", "Zoë")):
            picture, mask, file = chance.randbytes(3000), chance.randbytes(300), chance.randbytes(500)
            image = NewImage(picture, mask, 64, 64, f"photo{number}.png", original=file)
            concept = registry.add_concept("default", name, "thing", [image]).concept
            registry.put_feature(f"key {number}", "image_embeds", chance.randbytes(64), (16,), "float32", image.sha)
            registry.revise_concept("default", name, "other thing", [image])
            sha = chance.randbytes(32).hex()
            registry.add_adapter("default", sha, f"{sha}.safetensors", "lora", "tiny", {}, [concept.version_id])
    return database.path


def _seen(path: Path) -> str | list[list[tuple]]:
    """The rows that a person meets; the error where they cannot be read."""
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            return [connection.execute(query).fetchall() for query in SEEN_BY_A_PERSON]
    except (sqlite3.Error, UnicodeDecodeError) as error:
        return str(error)


def _unseen(path: Path) -> str:
    try:
        findings = list(database_findings(store_at(path.parent, None), "thorough"))
    except Exception as error:  # a doctor that breaks down has not found anything
        return f"doctor ended with {type(error).__name__}: {error}"
    return "doctor found nothing" if all(finding.whole for finding in findings) else ""


HARNESSES: dict[str, Harness] = {"rot": run}
