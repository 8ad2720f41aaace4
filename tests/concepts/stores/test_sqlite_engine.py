import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

from concepts.database import Database
from concepts.errors import DatabaseBusy, StorageFailed
from concepts.stores import sqlite_engine
from concepts.stores.sqlite import SqliteFile
from concepts.stores.sqlite_engine import choose_journal, registry_engine, wal_is_sound

pytestmark = pytest.mark.sqlite

PRAGMAS = ("foreign_keys", "journal_mode", "synchronous", "busy_timeout", "trusted_schema")


def settings(path: Path) -> dict[str, object]:
    with registry_engine(path).begin() as connection:
        return {name: connection.execute(text(f"PRAGMA {name}")).scalar_one() for name in PRAGMAS}


@pytest.mark.parametrize(
    ("version", "sound"),
    [
        ((3, 40, 1), False),
        ((3, 44, 5), False),
        ((3, 44, 6), True),
        ((3, 45, 0), False),
        ((3, 50, 6), False),
        ((3, 50, 7), True),
        ((3, 51, 2), False),
        ((3, 51, 3), True),
        ((3, 52, 0), True),
    ],
)
def test_wal_is_sound_only_where_its_bug_is_fixed(version, sound):
    assert wal_is_sound(version) is sound


@pytest.mark.parametrize(("sound", "mode", "synchronous"), [(True, "wal", 2), (False, "delete", 3)])
def test_every_connection_has_the_settings_that_lose_nothing(database, monkeypatch, sound, mode, synchronous):
    monkeypatch.setattr(sqlite_engine, "wal_is_sound", lambda: sound)
    assert settings(database.path) == {
        "foreign_keys": 1,
        "journal_mode": mode,
        "synchronous": synchronous,
        "busy_timeout": 30_000,
        "trusted_schema": 0,
    }


def test_a_registry_moves_between_builds_with_and_without_wal(tmp_path, monkeypatch, picture):
    for number, sound in enumerate([True, False, True]):
        monkeypatch.setattr(sqlite_engine, "wal_is_sound", lambda sound=sound: sound)
        with Database.open(tmp_path) as database, database.transaction() as registry:
            registry.add_concept("default", f"rex{number}", "dog", [picture("a")])
            assert len(registry.concepts("default")) == number + 1
        assert settings(database.path)["journal_mode"] == ("wal" if sound else "delete")


def test_a_busy_database_enters_wal_later_and_is_safe_until_then(database, monkeypatch):
    monkeypatch.setattr(sqlite_engine, "wal_is_sound", lambda: True)
    with closing(sqlite3.connect(database.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with Database(SqliteFile(database.path), database.user).reading() as registry:
            assert registry.concepts("default") == []
        with closing(sqlite3.connect(database.path)) as connection:
            assert sqlite_engine.switch_journal(connection, "wal") == "delete"


def test_wal_is_never_left_to_a_build_that_corrupts_it(database, monkeypatch):
    with closing(sqlite3.connect(database.path)) as other:
        assert sqlite_engine.switch_journal(other, "wal") == "wal"
        other.execute("SELECT * FROM libraries").fetchall()
        with closing(sqlite3.connect(database.path, timeout=0)) as connection, pytest.raises(sqlite3.OperationalError):
            sqlite_engine.switch_journal(connection, "delete")


def test_a_network_file_system_gets_no_wal(tmp_path, monkeypatch):
    monkeypatch.setattr(sqlite_engine, "wal_is_sound", lambda: True)
    assert choose_journal(tmp_path) == "wal"
    monkeypatch.setattr(sqlite_engine, "on_network", lambda _path: True)
    assert choose_journal(tmp_path) == "delete"


def test_a_transaction_locks_before_it_reads(database, monkeypatch):
    monkeypatch.setattr(sqlite_engine, "BUSY_SECONDS", 0)
    impatient = Database(SqliteFile(database.path), database.user)
    with database.transaction():
        with pytest.raises(DatabaseBusy) as refusal, impatient.transaction():
            pass
        with impatient.reading() as registry:
            assert registry.concepts("default") == []
    assert refusal.value.exit_code == 7
    assert refusal.value.remedy == "Wait for that process or stop it, then run the command again."
    with impatient.transaction() as registry:
        assert registry.concepts("default") == []


def test_who_waits_for_another_process_is_told_so_once_and_then_goes_on(database, monkeypatch):
    monkeypatch.setattr(sqlite_engine, "NOTICE_SECONDS", 0)
    told = []
    with closing(sqlite3.connect(database.path, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")

        def told_and_released(notice):
            told.append(notice)
            other.execute("COMMIT")

        patient = Database(database.store, database.user, told_and_released)
        with patient.transaction() as registry:
            assert registry.concepts("default") == []
        with patient.transaction():
            pass
    assert told == [f"Waiting for another process that writes to {database.path}, up to 30 seconds."]


@pytest.mark.parametrize(("pragma", "words"), [("max_page_count=1", "is full"), ("query_only=ON", "cannot be written")])
def test_a_full_or_read_only_disk_is_one_clear_line_and_stores_nothing(database, picture, pragma, words):
    with pytest.raises(StorageFailed, match=words) as refusal, database.transaction() as registry:
        registry._session.execute(text(f"PRAGMA {pragma}"))
        registry.add_concept("default", "rex", "dog", [picture("a" * 1_000_000)])
    assert str(database.path) in refusal.value.cause
    assert refusal.value.exit_code == 7
    with database.reading() as registry:
        assert registry.concepts("default") == []


def test_bytes_that_are_not_read_back_as_written_are_not_kept(database, picture, monkeypatch):
    monkeypatch.setattr("concepts.rows.blobs.sha256", lambda _data: "0" * 64)
    with pytest.raises(StorageFailed, match="differ from the written ones"), database.transaction() as registry:
        registry.add_concept("default", "rex", "dog", [picture("a")])
    with database.reading() as registry:
        assert registry.concepts("default") == []
