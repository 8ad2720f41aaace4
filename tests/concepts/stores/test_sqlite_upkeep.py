"""The database file as a whole: checked, copied, and put back."""

import os
import shutil
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

import migrations
from concepts.database import FILE_NAME, Database
from concepts.durable import make_folder
from concepts.errors import ConceptError, DatabaseUnusable, StorageFailed
from concepts.records import NewImage, sha256
from concepts.stores import sqlite_upkeep

pytestmark = pytest.mark.sqlite


@pytest.fixture
def path(database: Database, picture) -> Path:
    """A registry of one concept with a cached feature."""
    with database.transaction() as registry:
        registry.add_concept("default", "rex", "dog", [picture("rex")])
        image = registry.get_concept("default", "rex").images[0]
        registry.put_feature("key", "image_embeds", b"feature", [7], "uint8", image.sha)
    return database.path


def names(path: Path) -> list[str]:
    with Database.open(path.parent) as database, database.reading() as registry:
        return registry.concept_names("default")


def remove(path: Path, name: str) -> None:
    with Database.open(path.parent) as database, database.transaction() as registry:
        registry.remove_concept("default", name)


def damage(path: Path, content: bytes) -> None:
    """Change stored bytes as a failing disk does: behind everybody's back."""
    with closing(sqlite3.connect(path)) as connection, connection:
        bad = bytes([content[0] ^ 1]) + content[1:]
        assert connection.execute("UPDATE blobs SET data = ? WHERE sha = ?", (bad, sha256(content))).rowcount == 1


def test_a_sound_database_has_no_faults(path: Path) -> None:
    assert list(sqlite_upkeep.faults(path)) == []
    assert sqlite_upkeep.state(path) == sqlite_upkeep.DatabaseState(
        path, migrations.HEAD, migrations.HEAD, path.stat().st_size
    )


def test_every_damaged_byte_string_is_named_with_what_it_was(path: Path) -> None:
    damage(path, b"rex")
    damage(path, b"feature")
    found = {fault.said: fault.derived for fault in sqlite_upkeep.faults(path)}
    assert found == {
        f"the bytes of {sha256(b'rex')}, given by a person, are damaged": False,
        f"the bytes of {sha256(b'feature')}, a cached value, are damaged": True,
    }
    assert list(sqlite_upkeep.faults(path, contents=False)) == []


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("UPDATE concepts SET name = 'sex'", "the name in row 1 of concepts, 'sex', does not match its key"),
        ("UPDATE libraries SET name = 'x'", "the name in row 1 of libraries, 'x', does not match its key"),
        (
            "UPDATE concept_versions SET noun = 'dig'",
            "the noun or the images of version 1, 'dig', do not match its manifest",
        ),
    ],
)
def test_a_row_that_rotted_is_named(path: Path, statement: str, said: str) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(statement)
    assert [(fault.said, fault.derived) for fault in sqlite_upkeep.faults(path)] == [(said, False)]


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("UPDATE blobs SET data = 'rex' WHERE size = 3", "data of blobs cannot be read as blob"),
        ("UPDATE concepts SET created_at = ''", "created_at of concepts cannot be read as datetime"),
        ("UPDATE features SET shape = '2026-99'", "shape of features cannot be read as json"),
        ("UPDATE concept_versions SET noun = x'00'", "noun of concept_versions cannot be read as text"),
        ("UPDATE version_images SET width = 9.5", "width of version_images cannot be read as integer"),
    ],
)
def test_a_value_of_another_type_is_named_with_its_column(path: Path, statement: str, said: str) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(statement)
    found = [(fault.said, fault.derived) for fault in sqlite_upkeep.faults(path)]
    assert found == [(f"1 value of the column {said}", False)]


def test_text_that_is_no_longer_unicode_is_damage_and_no_fault_of_ours(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE concepts SET name = CAST(x'FF7265' AS TEXT)")
    assert [fault.derived for fault in sqlite_upkeep.faults(path)] == [False]
    with pytest.raises(DatabaseUnusable, match=r"is damaged .a text is not valid UTF-8"):
        names(path)


def test_new_folders_are_durable_under_their_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[Path] = []
    monkeypatch.setattr("concepts.durable.sync_folder", synced.append)
    make_folder(tmp_path / "a" / "b")
    make_folder(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").is_dir()
    assert sorted(synced) == [tmp_path, tmp_path / "a"]


def test_an_embedding_in_place_of_pictures_is_no_cached_value(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE version_images SET width = 1, height = 1")
    damage(path, b"feature")
    assert [fault.derived for fault in sqlite_upkeep.faults(path)] == [False]


def test_a_row_without_its_parent_is_a_fault(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DELETE FROM concepts")
    assert [fault.said for fault in sqlite_upkeep.faults(path)] == [
        "row 1 of concept_versions refers to a missing row of concepts"
    ]


def test_a_backup_is_whole_and_can_be_restored(path: Path, tmp_path: Path) -> None:
    copy = sqlite_upkeep.back_up(path)
    assert copy.parent == path.parent / "backups"
    assert sqlite_upkeep.backups(path) == [copy]
    remove(path, "rex")
    kept = sqlite_upkeep.restore(path, copy)
    assert names(path) == ["rex"]
    assert kept is not None and kept != copy
    elsewhere = tmp_path / "elsewhere" / "studio.sqlite3"
    assert sqlite_upkeep.restore(elsewhere, kept) is None
    assert names(elsewhere) == []
    assert not [each for each in path.parent.iterdir() if each.name.startswith(".")]


def test_a_backup_goes_where_it_is_told_and_never_over_a_file(path: Path, tmp_path: Path) -> None:
    out = tmp_path / "there" / "copy.sqlite3"
    assert sqlite_upkeep.back_up(path, out) == out
    before = out.read_bytes()
    with pytest.raises(StorageFailed, match="is already there"):
        sqlite_upkeep.back_up(path, out)
    assert out.read_bytes() == before
    assert list(out.parent.iterdir()) == [out]


def test_a_damaged_database_is_kept_beside_the_backup_that_takes_its_place(path: Path) -> None:
    copy = sqlite_upkeep.back_up(path)
    path.write_bytes(path.read_bytes()[:5000])
    kept = sqlite_upkeep.restore(path, copy)
    assert names(path) == ["rex"]
    assert kept is not None and kept.name.startswith("studio-damaged-")
    assert kept.stat().st_size == 5000


@pytest.mark.parametrize("fault", ["bytes", "cut", "newer", "foreign", "gone"])
def test_a_backup_that_is_not_right_changes_nothing(path: Path, tmp_path: Path, fault: str) -> None:
    copy = Path(shutil.copy(path, tmp_path / "copy.sqlite3"))
    if fault == "bytes":
        damage(copy, b"rex")
    elif fault == "cut":
        copy.write_bytes(copy.read_bytes()[:5000])
    elif fault == "foreign":
        copy.write_bytes(b"GIF89a")
    elif fault == "gone":
        copy.unlink()
    else:
        with closing(sqlite3.connect(copy)) as connection, connection:
            connection.execute("UPDATE alembic_version SET version_num = '9999'")
    before, listed = path.read_bytes(), sorted(path.parent.iterdir())
    with pytest.raises(DatabaseUnusable) as caught:
        sqlite_upkeep.restore(path, copy, agree=lambda: pytest.fail("it was asked whether to restore what cannot be"))
    assert str(copy) in caught.value.cause
    assert caught.value.remedy
    assert (path.read_bytes(), sorted(path.parent.iterdir())) == (before, listed)


def test_a_backup_that_nobody_agrees_to_restore_changes_nothing(path: Path) -> None:
    def disagree() -> None:
        raise KeyboardInterrupt

    copy = sqlite_upkeep.back_up(path)
    before, listed = path.read_bytes(), sorted(path.parent.iterdir())
    with pytest.raises(KeyboardInterrupt):
        sqlite_upkeep.restore(path, copy, disagree)
    assert (path.read_bytes(), sorted(path.parent.iterdir())) == (before, listed)


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_what_is_no_file_is_not_replaced_by_a_backup(path: Path, tmp_path: Path, make) -> None:
    copy, other = sqlite_upkeep.back_up(path), tmp_path / "other"
    make(other)
    listed = sorted(tmp_path.rglob("*"))
    with pytest.raises(DatabaseUnusable, match="is not a file"):
        sqlite_upkeep.restore(other, copy)
    assert sorted(tmp_path.rglob("*")) == listed


def test_a_backup_and_what_is_restored_are_as_private_as_the_database(path: Path, tmp_path: Path) -> None:
    path.chmod(0o640)
    copies = [sqlite_upkeep.back_up(path), sqlite_upkeep.back_up(path, tmp_path / "copy.sqlite3")]
    assert {stat.S_IMODE(copy.stat().st_mode) for copy in copies} == {0o640}
    copies[1].chmod(0o644)
    path.write_bytes(b"damaged")
    sqlite_upkeep.restore(path, copies[1])
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    path.unlink()
    sqlite_upkeep.restore(path, copies[1])
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_too_little_room_is_told_before_anything_is_written(path: Path, monkeypatch) -> None:
    copy = sqlite_upkeep.back_up(path)
    listed = sorted(path.parent.rglob("*"))
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: shutil._ntuple_diskusage(9, 9, 0))
    for work in (lambda: sqlite_upkeep.back_up(path), lambda: sqlite_upkeep.restore(path, copy)):
        with pytest.raises(StorageFailed, match=r"needs \S+ MiB, and \S+ has 0\.0 MiB free"):
            work()
    assert sorted(path.parent.rglob("*")) == listed


def test_an_upgrade_of_what_is_new_changes_nothing(path: Path) -> None:
    before, after = sqlite_upkeep.upgrade(path)
    assert before == after


def test_a_database_that_is_not_there_is_said_to_be_missing(tmp_path: Path) -> None:
    for work in (sqlite_upkeep.state, sqlite_upkeep.upgrade, sqlite_upkeep.back_up):
        with pytest.raises(ConceptError) as missing:
            work(tmp_path / "gone.sqlite3")
        assert missing.value.cause == f"There is no database {tmp_path / 'gone.sqlite3'}."
    assert list(tmp_path.iterdir()) == []


def add(home, name):
    with Database.open(home) as database:
        image = NewImage(name.encode() * 5000, None, 1, 1, "a.png")
        database.write(lambda registry: registry.add_concept("default", name, "dog", [image]))


def test_what_was_restored_already_is_not_kept_once_more(tmp_path):
    home = tmp_path / "home"
    add(home, "rex")
    backup = sqlite_upkeep.back_up(home / FILE_NAME, tmp_path / "backup.sqlite3")
    add(home, "fido")
    assert sqlite_upkeep.restore(home / FILE_NAME, backup) is not None
    assert sqlite_upkeep.restore(home / FILE_NAME, backup) is None
    assert names(home / FILE_NAME) == ["rex"]
    assert len(sqlite_upkeep.backups(home / FILE_NAME)) == 1


def test_one_row_more_and_it_is_restored_and_kept(tmp_path):
    home = tmp_path / "home"
    add(home, "rex")
    backup = sqlite_upkeep.back_up(home / FILE_NAME, tmp_path / "backup.sqlite3")
    with Database.open(home) as database:
        database.write(lambda registry: registry.rename_concept("default", "rex", "max"))
    assert sqlite_upkeep.restore(home / FILE_NAME, backup) is not None
    assert names(home / FILE_NAME) == ["rex"]
