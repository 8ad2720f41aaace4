"""The migrations on a PostgreSQL server: from nothing, from an old schema, by several programs at once, and undone."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from sqlalchemy import Engine, event, text

import migrations
from concepts.database import Database
from concepts.errors import DatabaseTooNew, DatabaseUnusable
from concepts.models import Base
from concepts.records import NewImage, sha256
from concepts.stores import upgrade as upgrading
from concepts.stores.postgres import PostgresServer
from concepts.stores.postgres_schema import MARK, find_revision
from concepts.stores.store import store_at
from concepts.stores.upgrade import alembic_config, schema_differences

OPEN = """
import sys
from pathlib import Path
from concepts.database import Database
with Database.open(Path("."), address=sys.argv[1]) as database, database.reading() as registry:
    print(*(library.name for library in registry.libraries()))
"""

SHA = sha256(b"photo")
ROWS = f"""
INSERT INTO libraries VALUES (1, 'local', 'default', 'default', NULL, now()), (2, 'local', 'ﬁre', 'ﬁre', 'tiny', now()),
    (3, 'local', 'fire', 'fire', NULL, now());
INSERT INTO current_libraries VALUES ('local', 3);
INSERT INTO concepts VALUES (1, 3, 'rex', 'rex', now());
INSERT INTO concept_versions VALUES (1, 1, 1, 'dog', '{SHA}', now());
INSERT INTO blobs VALUES ('{SHA}', 5, 'photo');
INSERT INTO version_images VALUES (1, 0, '{SHA}', NULL, 64, 48, 'photo.jpg', '["tiny subject"]');
SELECT setval('libraries_id_seq', 3), setval('concepts_id_seq', 1), setval('concept_versions_id_seq', 1)
"""


@pytest.fixture
def empty(postgres_server: Any) -> Iterator[str]:
    """The name of a database without a table."""
    name = postgres_server.new_database()
    yield name
    postgres_server.drop(name)


@pytest.fixture
def address(postgres_server: Any, empty: str) -> str:
    """That database, as anna sees it."""
    for person in ("anna", "bob"):
        postgres_server.add_person(person)
    return postgres_server.address(empty, "anna")


@pytest.fixture
def engine(address: str) -> Iterator[Engine]:
    with closing(store_at(Path(), address)) as store:
        yield store.engine()


@pytest.fixture
def old(engine: Engine, address: str) -> str:
    """The database in its first schema, with rows; two libraries have names that compare as one since the second."""
    with engine.begin() as connection:
        connection.exec_driver_sql("SET LOCAL ROLE studio")
        command.upgrade(alembic_config(connection, "nobody"), "0001")
        connection.exec_driver_sql(f"COMMENT ON TABLE alembic_version IS '{MARK}'")
        connection.exec_driver_sql(ROWS)
    return address


def shape(engine: Engine) -> set[tuple]:
    """Every column, constraint and index."""
    queries = (
        "SELECT table_name, column_name, data_type, is_nullable FROM information_schema.columns"
        " WHERE table_schema = 'public' AND table_name <> 'alembic_version'",
        "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid), '' FROM pg_constraint"
        " WHERE connamespace = 'public'::regnamespace AND conname NOT LIKE 'alembic%'",
        "SELECT tablename, indexname, indexdef, '' FROM pg_indexes"
        " WHERE schemaname = 'public' AND tablename <> 'alembic_version'",
    )
    with engine.connect() as connection:
        return {tuple(row) for query in queries for row in connection.execute(text(query))}


def everything(engine: Engine) -> list[tuple]:
    """Every row of every table, and the shape."""
    rows: list[tuple] = sorted(shape(engine))
    with engine.connect() as connection:
        for table in [*sorted(upgrading.row_counts(connection)), "alembic_version"]:
            rows += [tuple(row) for row in connection.exec_driver_sql(f'SELECT t::text FROM "{table}" t ORDER BY 1')]
    return rows


def together(*addresses: str) -> list[str]:
    """What several programs say that open the registry at the same time."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [os.getcwd(), *sys.path]))}
    words = [sys.executable, "-W", "error", "-c", OPEN]
    pipes: Any = {"text": True, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    started = [subprocess.Popen([*words, each], env=environment, **pipes) for each in addresses]
    ended = [(process.communicate(timeout=240), process.returncode) for process in started]
    assert [code for _, code in ended] == [0] * len(ended), [errors for (_, errors), _ in ended]
    return [said.strip() for (said, _), _ in ended]


def test_the_migrations_make_exactly_the_models(postgres_server: Any, address: str, engine: Engine) -> None:
    Database.open(Path(), address=address).close()
    with engine.connect() as connection:
        assert schema_differences(connection) == []
    migrated, other = shape(engine), postgres_server.new_database()
    try:
        with closing(store_at(Path(), postgres_server.address(other))) as store:
            Base.metadata.create_all(store.engine())
            assert migrated == shape(store.engine())
    finally:
        postgres_server.drop(other)
    assert len(migrated) > 100
    partial = [row for row in migrated if row[1] == "uq_concepts_name_in_use"]
    assert "WHERE (removed_at IS NULL)" in partial[0][2]


def test_names_are_in_one_order_whatever_the_servers_language(address: str, engine: Engine) -> None:
    Database.open(Path(), address=address).close()
    collations = "SELECT table_name, collation_name FROM information_schema.columns WHERE column_name = 'name_key'"
    with engine.connect() as connection:
        assert {tuple(row) for row in connection.execute(text(collations))} == {("libraries", "C"), ("concepts", "C")}


def test_an_old_database_is_opened_and_used(old: str, engine: Engine) -> None:
    with Database.open(Path(), address=old) as database, database.transaction() as registry:
        assert [(each.name, each.owner) for each in registry.libraries()] == [
            ("default", "anna"),
            ("fire", "anna"),
            ("ﬁre (2)", "anna"),
        ]
        assert registry.current_library().name == "fire"
        concept = registry.get_concept("fire", "rex")
        assert (concept.noun, concept.images[0].warnings) == ("dog", ("tiny subject",))
        registry.remove_concept("fire", "rex")
        assert registry.restore_concept("fire", "rex") == concept
        assert registry.copy_concept("fire", "rex", "default").concept.id == 2
        registry.share_library("fire", "bob", "editor")
        photo = NewImage(b"photo", None, 64, 48, "photo.jpg", (), b"file")
        kept = registry.revise_concept("fire", "rex", "dog", [photo]).concept
        assert (kept.version, kept.images[0].original_sha) == (2, sha256(b"file"))
        assert registry.blob(sha256(b"file")) == b"file"
        forgotten = registry.forget_concept("fire", "rex")
        assert (forgotten.deleted.sizes, forgotten.kept) == ({sha256(b"file"): 4}, (SHA,))
    with engine.connect() as connection:
        assert schema_differences(connection) == []


def test_programs_that_start_at_once_make_the_tables_once(postgres_server: Any, empty: str, address: str) -> None:
    people = [address, address, postgres_server.address(empty, "bob")]
    assert together(*people) == ["default", "default", "default"]
    owners = postgres_server.run("SELECT owner FROM libraries ORDER BY owner", database=empty)
    assert owners == [("anna",), ("bob",)]
    assert postgres_server.run("SELECT version_num FROM alembic_version", database=empty) == [(migrations.HEAD,)]


def test_who_looks_while_another_makes_the_tables_does_not_take_them_for_others(address: str, engine: Engine) -> None:
    made: list[Database] = []

    def make(*_: Any) -> None:
        if not made:
            made.append(Database.open(Path(), address=address))

    with engine.connect() as connection:
        event.listen(connection, "after_cursor_execute", make)
        assert find_revision(connection, "the registry") is None
        assert find_revision(connection, "the registry") == migrations.HEAD
    made[0].close()


def test_of_two_who_upgrade_at_once_one_gets_the_old_libraries(postgres_server: Any, empty: str, old: str) -> None:
    said = together(old, postgres_server.address(empty, "bob"))
    assert sorted(said) == ["default", "default fire ﬁre (2)"]


def test_who_upgrades_waits_for_the_lock_and_then_has_nothing_to_do(address: str, engine: Engine, monkeypatch) -> None:
    ran: list[str] = []
    monkeypatch.setattr(upgrading, "run_revisions", lambda *_: ran.append("ran"))
    waiting = PostgresServer(engine.url)
    with engine.begin() as connection:  # another program, in the middle of it
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": 0x4C535444})
        monkeypatch.setattr("concepts.stores.postgres.BUSY_SECONDS", 1)
        with closing(waiting), pytest.raises(Exception, match="lock timeout"):
            waiting.prepare(None)
    assert ran == []


def test_a_database_of_a_newer_version_is_refused(address: str, engine: Engine) -> None:
    Database.open(Path(), address=address).close()
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    before = everything(engine)
    with pytest.raises(DatabaseTooNew) as refusal:
        Database.open(Path(), address=address)
    assert refusal.value.cause.endswith(
        f"has schema '9999', which is newer than this version knows ({migrations.HEAD})."
    )
    assert everything(engine) == before


@pytest.mark.parametrize(
    ("last", "words"),
    [
        ("raise ZeroDivisionError('half-way')", "half-way"),
        ("connection.exec_driver_sql('DELETE FROM version_images')", "version_images had 1 rows and has 0"),
        ("connection.exec_driver_sql('ALTER TABLE runs DROP COLUMN why')", "the schema differs from this code"),
    ],
)
def test_an_upgrade_that_goes_wrong_at_its_end_changes_nothing(
    old: str, engine: Engine, monkeypatch, last: str, words: str
) -> None:
    whole = upgrading.run_revisions

    def run_and(connection: Any, user: str) -> None:
        whole(connection, user)
        exec(last, {"connection": connection})

    monkeypatch.setattr(upgrading, "run_revisions", run_and)
    before = everything(engine)
    with pytest.raises((ZeroDivisionError, DatabaseUnusable)) as refusal:
        Database.open(Path(), address=old)
    assert words in str(refusal.value)
    assert everything(engine) == before
