import errno
import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

import migrations
from concepts import durable
from concepts.database import FILE_NAME, Database
from concepts.errors import ConceptError, DatabaseTooNew, DatabaseUnusable, StorageFailed
from concepts.stores import sqlite_upkeep
from concepts.stores.store import store_at

pytestmark = pytest.mark.sqlite


@pytest.fixture
def path(tmp_path: Path, new_registry: Path) -> Path:
    """A registry with a concept's worth of pages in it, closed."""
    shutil.copy(new_registry, tmp_path)
    return tmp_path / FILE_NAME


def alter(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(statement)


def refusal_that_touches_nothing(path: Path, error: type[ConceptError] = DatabaseUnusable) -> ConceptError:
    before, listed = path.read_bytes(), sorted(path.parent.iterdir())
    with pytest.raises(error) as refusal:
        Database.open(path.parent)
    assert (path.read_bytes(), sorted(path.parent.iterdir())) == (before, listed)
    assert refusal.value.exit_code == 7
    assert str(path) in refusal.value.cause
    return refusal.value


def test_a_new_registry_is_one_file_marked_as_ours(tmp_path):
    home = tmp_path / "not yet" / "a 100% odd häme"
    Database.open(home).close()
    assert [each.name for each in home.iterdir()] == [FILE_NAME]
    assert (home / FILE_NAME).read_bytes()[68:72] == b"LSTD"
    with closing(sqlite3.connect(home / FILE_NAME)) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [(migrations.HEAD,)]
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_a_new_home_is_its_owners_alone(tmp_path):
    Database.open(tmp_path / "home").close()
    assert (tmp_path / "home").stat().st_mode & 0o777 == 0o700


def test_an_open_registry_can_be_opened_again(database, picture):
    with database.transaction() as registry:
        registry.add_concept("default", "rex", "dog", [picture("a")])
    with Database.open(database.path.parent) as again, again.reading() as registry:
        assert registry.concept_names("default") == ["rex"]


def test_an_empty_file_is_refused(path):
    path.write_bytes(b"")
    assert refusal_that_touches_nothing(path).cause == f"{path} is empty (0 bytes)."


@pytest.mark.parametrize("content", [b"x", b"SQLite format 3\0", b"GIF89a" + bytes(200), bytes(4096)])
def test_a_file_that_is_no_database_is_refused(path, content):
    path.write_bytes(content)
    assert refusal_that_touches_nothing(path).cause == f"{path} is not a λ-Studio database."


def test_another_programs_database_is_refused(path):
    path.unlink()
    alter(path, "CREATE TABLE alembic_version (version_num TEXT)")
    assert refusal_that_touches_nothing(path).cause == f"{path} is another program's SQLite database."


def test_a_folder_in_the_databases_place_is_refused(path):
    path.unlink()
    path.mkdir()
    with pytest.raises(DatabaseUnusable, match="is not a file"):
        Database.open(path.parent)


def test_a_truncated_database_is_refused(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert "is damaged" in refusal_that_touches_nothing(path).cause


def test_a_database_of_noise_behind_the_header_is_refused(path):
    whole = path.read_bytes()
    path.write_bytes(whole[:100] + b"\x5a" * (len(whole) - 100))
    assert "is damaged" in refusal_that_touches_nothing(path).cause


def test_a_database_without_a_schema_version_is_refused(path):
    alter(path, "DELETE FROM alembic_version")
    assert "has 0 schema versions" in refusal_that_touches_nothing(path).cause
    alter(path, "DROP TABLE alembic_version")
    assert "has no schema version" in refusal_that_touches_nothing(path).cause


def test_a_database_with_a_trigger_is_refused_also_as_a_backup(path, tmp_path):
    copy = sqlite_upkeep.back_up(path, tmp_path / "copies" / "copy.sqlite3")
    alter(copy, "CREATE TRIGGER keep AFTER DELETE ON blobs BEGIN SELECT 1; END")
    with pytest.raises(DatabaseUnusable, match="has a trigger, 'keep'"):
        sqlite_upkeep.restore(path, copy)
    alter(path, "CREATE TRIGGER keep AFTER DELETE ON blobs BEGIN SELECT 1; END")
    assert "has a trigger, 'keep'. λ-Studio has none." in refusal_that_touches_nothing(path).cause


def test_a_database_of_a_newer_version_is_refused(path):
    alter(path, "UPDATE alembic_version SET version_num = '9999'")
    refusal = refusal_that_touches_nothing(path, DatabaseTooNew)
    assert refusal.cause == f"{path} has schema '9999', which is newer than this version knows ({migrations.HEAD})."
    assert refusal.remedy.startswith("Update λ-Studio")


@pytest.mark.parametrize("suffix", ["-journal", "-wal"])
def test_no_database_is_made_beside_the_journal_of_a_lost_one(path, suffix):
    path.rename(path.with_name(FILE_NAME + suffix))
    with pytest.raises(DatabaseUnusable, match="is missing, but its journal"):
        Database.open(path.parent)
    assert not path.exists()


def test_an_interrupted_creation_leaves_no_database(tmp_path, monkeypatch):
    def fail(_path: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "the disk")

    with monkeypatch.context() as patched:
        patched.setattr(durable, "sync_file", fail)
        with pytest.raises(StorageFailed, match="No space left on device at the disk") as refusal:
            Database.open(tmp_path)
    assert refusal.value.exit_code == 7
    assert list(tmp_path.iterdir()) == []
    Database.open(tmp_path).close()


def test_the_loser_of_a_race_to_create_keeps_the_winners_database(tmp_path, monkeypatch, new_registry):
    sync = durable.sync_file

    def lose(path: Path) -> None:
        sync(path)
        shutil.copy(new_registry, tmp_path)

    monkeypatch.setattr(durable, "sync_file", lose)
    Database.open(tmp_path).close()
    assert [each.name for each in tmp_path.iterdir()] == [FILE_NAME]
    assert (tmp_path / FILE_NAME).read_bytes() == new_registry.read_bytes()


def test_a_file_system_without_hard_links_will_do(tmp_path, monkeypatch):
    def refuse(*_: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    Database.open(tmp_path).close()
    assert [each.name for each in tmp_path.iterdir()] == [FILE_NAME]


def test_a_home_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "home").write_text("")
    with pytest.raises(StorageFailed, match="home"):
        Database.open(tmp_path / "home")


def test_a_database_deleted_while_open_is_not_made_anew(database):
    database.path.unlink()
    with pytest.raises(StorageFailed, match="cannot be read or written"), database.transaction():
        pass
    assert not database.path.exists()


def test_a_callers_own_file_error_is_left_as_it_is(database):
    with pytest.raises(FileNotFoundError), database.transaction():
        raise FileNotFoundError("photo.jpg")


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX")
def test_a_new_database_is_its_owners_alone_in_a_folder_that_others_can_read(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    Database.open(tmp_path).close()
    assert (tmp_path / FILE_NAME).stat().st_mode & 0o777 == 0o600


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX")
@pytest.mark.parametrize(
    ("folder", "mode", "after"),
    [(0o755, 0o644, 0o600), (0o755, 0o640, 0o600), (0o700, 0o644, 0o644), (0o770, 0o660, 0o660), (0o755, 0o664, 0o664)],
)
def test_a_database_that_others_only_read_is_closed_to_them_and_that_is_told(path: Path, folder, mode, after) -> None:
    path.chmod(mode)
    path.parent.chmod(folder)
    with closing(store_at(path.parent, None)) as store:
        told = store.notices()
        assert store.notices() == []
    assert path.stat().st_mode & 0o777 == after
    assert told == ([f"Other users could read {path}. Its mode is 600 now."] if after != mode else [])
