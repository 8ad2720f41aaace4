import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Connection, create_engine

import migrations
from concepts.database import FILE_NAME, Database
from concepts.models import Base
from concepts.records import NewImage, sha256
from concepts.stores.sqlite_engine import registry_engine
from concepts.stores.upgrade import find_fault, known_revisions, row_counts, schema_differences
from lambda_studio.bundles.given import read_note

LAST = migrations.HEAD
USER = "anna"
"""Who upgrades; in later registries, whose they are."""
OLD = sorted((Path(__file__).parents[1] / "databases").glob("*.sqlite3"))
"""A file for each released revision, written by the code of then."""


def old_registry(file: Path, home: Path) -> Path:
    return Path(shutil.copyfile(file, home / FILE_NAME))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return old_registry(OLD[-1], tmp_path)


def test_the_head_this_code_names_is_the_last_revision():
    assert next(iter(known_revisions())) == migrations.HEAD


def test_the_migrations_make_exactly_the_models(tmp_path):
    with Database.open(tmp_path) as database, registry_engine(database.path).begin() as connection:
        assert schema_differences(connection) == []
        migrated = shape(connection)
    engine = create_engine("sqlite://")
    Base.metadata.create_all(engine)
    with engine.connect() as connection:
        assert migrated == shape(connection)
    engine.dispose()
    assert len(migrated) > 20


def shape(connection: Connection) -> dict[str, list[str]]:
    """Every statement that made the schema, by name, its lines in an order of their own: CHECKs, cascades and all."""
    statements = connection.exec_driver_sql("SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL")
    # SQLite quotes the name of a table that was renamed.
    plain = {name: sql.replace(f'"{name}"', name) for name, sql in statements}
    lines = {name: sorted(line.strip(" \t,") for line in sql.splitlines()) for name, sql in plain.items()}
    return {name: lines[name] for name in sorted(lines) if name not in ("alembic_version", "sqlite_sequence")}


def test_a_difference_between_models_and_migrations_would_be_seen(path):
    with registry_engine(path).begin() as connection:
        connection.exec_driver_sql("ALTER TABLE libraries DROP COLUMN stack")
        assert "add_column" in repr(schema_differences(connection))
        assert "the schema differs" in (find_fault(connection, {}, ()) or "")
        connection.rollback()


def test_every_revision_has_an_old_database():
    assert {file.stem for file in OLD} == set(known_revisions())


@pytest.mark.parametrize("file", OLD, ids=lambda file: file.stem)
def test_an_old_database_is_opened_and_used(file, tmp_path):
    old_registry(file, tmp_path)
    with Database.open(tmp_path, user=USER) as database, database.transaction() as registry:
        assert [library.name for library in registry.libraries()] == ["default", "toys"]
        assert (registry.current_library().name, registry.current_library().owner) == ("toys", USER)
        assert registry.get_library("toys").stack == "miniature"
        concept = registry.get_concept("toys", "rex")
        assert (concept.noun, concept.version, concept.images[0].warnings) == ("dog", 1, ("tiny subject",))
        assert registry.blob(concept.images[0].sha) == b"photo"
        assert registry.blob(concept.images[0].mask_sha or "") == b"mask"
        assert registry.features(["key"])["key"].data == b"1234"
        (adapter,), (run,) = registry.adapters("toys"), registry.runs("toys")
        assert (adapter.run_id, run.adapter_id, run.status) == (run.id, adapter.id, "finished")
        assert (adapter.stale, adapter.concepts[0].name) == (False, "rex")
        registry.remove_concept("toys", "rex")
        assert registry.restore_concept("toys", "rex") == concept
        had = concept.images[0].original_sha
        assert had == (sha256(b"file") if file.stem >= "0003" else None)
        assert concept.images[0].caption == ("a dog on a sofa" if file.stem >= "0005" else None)
        photo = NewImage(b"photo", b"mask", 64, 48, "photo.jpg", ("tiny subject",), b"file", "a dog on a rug")
        kept = registry.add_concept("toys", "rex", "dog", [photo])
        assert (kept.created, kept.concept.images[0].original_sha) == (False, sha256(b"file"))
        assert registry.blob(sha256(b"file")) == b"file"
        assert kept.concept.images[0].caption == "a dog on a rug"
        more_before = int(file.stem >= "0004")
        if more_before:
            (image,) = registry.get_concept("toys", "max").images
            assert read_note(registry.blob(image.sha)).views[0].data == b"5678", "what came in place of pictures"
        assert registry.copy_concept("toys", "rex", "default").concept.id == more_before + 3, "2 was removed"
        registry.share_library("toys", "bob", "editor")
    with Database.open(tmp_path, user="bob") as database, database.transaction() as registry:
        assert [library.address for library in registry.libraries()] == ["default", f"{USER}/toys"]
        assert set(registry.forget_concept(f"{USER}/toys", "rex").kept) == set(
            map(sha256, (b"photo", b"mask", b"file"))
        )
        assert registry.adapters(f"{USER}/toys")[0].concepts[0].forgotten
    with Database.open(tmp_path, user=USER) as database, database.transaction() as registry:
        registry.remove_library("toys", agreed=True)
        registry.remove_library("default", agreed=True)
    with registry_engine(database.path).begin() as connection:
        assert find_fault(connection, {}, ()) is None
        assert row_counts(connection)["blobs"] == 0


def test_libraries_of_0001_belong_to_whoever_upgrades_and_to_nobody_who_comes_later(tmp_path):
    path = old_registry(OLD[0], tmp_path)
    for user, names in (("bob", ["default", "toys"]), ("anna", ["default"]), ("local", ["default"])):
        with Database.open(tmp_path, user=user) as database, database.reading() as registry:
            assert [library.name for library in registry.libraries()] == names
    assert len(list((path.parent / "backups").iterdir())) == 1


def test_names_that_only_now_compare_as_one_stay_two_and_can_both_be_named(tmp_path):
    path = old_registry(OLD[0], tmp_path)
    with closing(sqlite3.connect(path)) as connection, connection:
        for number, (name, key) in enumerate([("re\u200dx", "re\u200dx"), ("Re\ufe0fx", "re\ufe0fx"), ("ΐ", "ΐ")], 7):
            values = (number, 2, name, key, "2026-11-23 10:57:09.702541")
            connection.execute("INSERT INTO concepts VALUES (?, ?, ?, ?, ?)", values)
            version = (number, number, 1, "dog", "ab" * 32, "2026-11-23 10:57:09.702541")
            connection.execute("INSERT INTO concept_versions VALUES (?, ?, ?, ?, ?, ?)", version)
    with Database.open(tmp_path, user=USER) as database, database.reading() as registry:
        assert registry.concept_names("toys") == ["rex", "re\u200dx (2)", "Re\ufe0fx (3)", "ΐ"]
        found = [registry.get_concept("toys", name).id for name in ("rex", "rex (2)", "REX (3)", "Ϊ\u0301")]
    assert found == [1, 7, 8, 9]


def test_the_old_databases_are_what_the_registry_wrote(path):
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT sha FROM blobs WHERE data = ?", (b"photo",)).fetchall() == [
            (sha256(b"photo"),)
        ]
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
