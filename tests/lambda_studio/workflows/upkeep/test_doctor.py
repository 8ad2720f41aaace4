"""What is looked at, how deep, what is said of it, and what a repair may touch."""

import os
import sqlite3
from contextlib import closing

import pytest

from concepts.database import FILE_NAME
from concepts.durable import LOCK, file_sha256, staged_folder
from concepts.stores.store import store_at
from lambda_studio.workflows.home import adapters_folder, run_folder
from lambda_studio.workflows.upkeep.doctor import CACHED, database_findings, unfinished
from lambda_studio.workflows.upkeep.finding import Finding


def told(studio, depth: str = "usual", repair: bool = False) -> dict[str, Finding]:
    return {finding.what: finding for finding in studio.doctor(depth, repair=repair)}


def damage(studio, sha: str) -> None:
    """Change the bytes of a blob behind the registry's back."""
    with closing(sqlite3.connect(studio.home / FILE_NAME)) as connection, connection:
        connection.execute("UPDATE blobs SET data = zeroblob(size) WHERE sha = ?", (sha,))


def test_a_deeper_look_is_at_more(studio, put, plain) -> None:
    put("rex", plain("red", masked=True))
    found = {depth: told(studio, depth) for depth in ("quick", "usual", "thorough")}
    assert all(finding.whole for each in found.values() for finding in each.values())
    assert list(found["quick"]) == ["database", "stack tiny"]
    assert list(found["usual"]) == ["database", "library default", "stack tiny"]
    assert list(found["thorough"]) == ["database", "library default", "stack tiny", CACHED]
    assert "1 concepts, 1 images" in found["usual"]["library default"].said


@pytest.mark.parametrize("part", ["sha", "mask_sha", "original_sha"])
def test_damaged_bytes_of_a_person_are_found_and_no_repair_mends_them(studio, put, plain, part: str) -> None:
    image = plain("red", masked=True, original=b"the file")
    put("rex", image)
    damage(studio, getattr(image, part))
    assert all(finding.whole for finding in told(studio, "quick").values()), "it reads no bytes"
    for repair in (False, True):
        found = told(studio, repair=repair)["library default"]
        assert (found.whole, found.mendable) == (False, False)
        assert getattr(image, part) in found.said


def test_an_adapters_file_is_there_is_whole_is_damaged_or_is_missing(studio, put, plain) -> None:
    version = put("rex", plain("red")).version_id
    file = adapters_folder(studio.home) / "a.safetensors"
    file.parent.mkdir()
    file.write_bytes(b"weights")
    given = ("default", file_sha256(file), file.name, "lora", "tiny", {}, [version])
    name = f"adapter {studio.database.write(lambda registry: registry.add_adapter(*given)).id}"
    assert told(studio)[name] == Finding(name, "whole")
    file.write_bytes(b"weighty")
    assert told(studio, "quick")[name].whole
    assert "damaged" in told(studio)[name].said and not told(studio)[name].mendable
    file.unlink()
    assert not told(studio, "quick")[name].whole and str(file) in told(studio, "quick")[name].said


def test_what_was_left_unfinished_long_ago_is_removed_where_that_is_asked_for(studio) -> None:
    staged = f"runs/1/.loss.png.{'0a' * 16}"
    names = [".studio.sqlite3.0123", "adapters/.adapter-x1y2.tmp", staged, staged + LOCK]
    old = [studio.home / name for name in names]
    new, mine = studio.home / ".studio.sqlite3.4567", studio.home / "my notes.txt"
    for path in (*old, new, mine):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
        os.utime(path, None if path == new else (0, 0))
    assert run_folder(studio.home, 1) == old[2].parent
    assert unfinished(studio.database.store, studio.home) == sorted([*old, new])
    found = [finding for finding in studio.doctor("quick") if finding.what == "unfinished file"]
    assert [finding.mendable for finding in found] == [True] * 4
    assert all(path.exists() for path in old), "a look removes nothing"
    repaired = [finding for finding in studio.doctor("quick", repair=True) if finding.what == "unfinished file"]
    assert len(repaired) == 4 and all(finding.whole for finding in repaired)
    assert [path.exists() for path in (*old, new, mine)] == [False] * 4 + [True, True]


def test_only_a_thorough_look_at_the_database_reads_bytes_and_damaged_ones_need_a_backup(studio, put, plain) -> None:
    image = plain("red")
    put("rex", image)
    with closing(store_at(studio.home, None)) as store:
        (whole,) = database_findings(store, "thorough")
        assert whole.whole and "every hash is right" in whole.said
        damage(studio, image.sha)
        (usual,), (found,) = database_findings(store, "usual"), database_findings(store, "thorough")
    assert usual.whole
    assert (found.whole, found.mendable) == (False, False)
    assert "studio db restore" in found.remedy
    assert image.sha in found.said


def test_what_a_live_process_writes_is_no_litter_however_old(studio) -> None:
    final = run_folder(studio.home, 1) / "checkpoints" / "step-00000001"
    final.parent.mkdir(parents=True)
    with staged_folder(final) as staged:
        for path in final.parent.iterdir():
            os.utime(path, (0, 0))
        found = [each for each in studio.doctor("quick", repair=True) if each.what == "unfinished file"]
        assert found == []
        assert staged.is_dir()
    assert final.is_dir()


def test_a_file_that_ends_meanwhile_is_no_fault(studio, monkeypatch) -> None:
    gone = studio.home / ".studio.sqlite3.0123"
    monkeypatch.setattr("lambda_studio.workflows.upkeep.doctor.unfinished", lambda *_: [gone])
    assert [each for each in studio.doctor("quick", repair=True) if each.what == "unfinished file"] == []
