"""From an older schema to this one: a backup first, and then all of it or nothing."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

import migrations
from concepts.database import FILE_NAME, Database
from concepts.errors import DatabaseUnusable
from concepts.stores import upgrade as upgrading
from concepts.stores.sqlite_engine import registry_engine
from concepts.stores.sqlite_schema import APPLICATION_ID
from concepts.stores.upgrade import schema_differences

LAST = migrations.HEAD


USER = "anna"
"""Who upgrades; in later registries, whose they are."""


OLD = sorted((Path(__file__).parents[2] / "databases").glob("*.sqlite3"))
"""A file for each released revision, written by the code of then."""


REVISION = """
import sqlalchemy as sa
from alembic import op
revision, down_revision = {revision!r}, {down_revision!r}
{declared}
def upgrade():
    {body}
"""


REBUILD = """with op.batch_alter_table("libraries", recreate="always") as batch:
        batch.alter_column("stack", existing_type=sa.Text())"""


def old_registry(file: Path, home: Path) -> Path:
    return Path(shutil.copyfile(file, home / FILE_NAME))


def dumped(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return list(connection.iterdump())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return old_registry(OLD[-1], tmp_path)


@pytest.fixture
def revisions(tmp_path: Path, monkeypatch):
    """Pretend that later revisions have been written, each with this body."""

    def add(*bodies: str, declared: str = "") -> None:
        scripts = tmp_path / "100% scripts"
        shutil.copytree(Path(migrations.__file__).parent, scripts)
        for number, body in enumerate(bodies, start=int(LAST) + 1):
            revision, down_revision = f"{number:04}", f"{number - 1:04}"
            source = REVISION.format(revision=revision, down_revision=down_revision, declared=declared, body=body)
            (scripts / "versions" / f"{revision}_later.py").write_text(source)
        monkeypatch.setattr(upgrading, "SCRIPTS", scripts)
        monkeypatch.setattr(migrations, "HEAD", f"{int(LAST) + len(bodies):04}")

    return add


def test_an_upgrade_that_rebuilds_a_parent_table_keeps_its_children_and_makes_a_backup(path, revisions):
    revisions(REBUILD)
    before = dumped(path)
    with Database.open(path.parent, user=USER) as database, database.transaction() as registry:
        assert registry.concept_names("toys") == ["max", "rex"]
        assert registry.adapters("toys")[0].concepts[0].name == "rex"
    with registry_engine(path).begin() as connection:
        assert upgrading.current_revision(connection) == f"{int(LAST) + 1:04}"
        assert schema_differences(connection) == []
    (backup,) = (path.parent / "backups").iterdir()
    assert backup.name.startswith(f"studio-{LAST}-") and backup.suffix == ".sqlite3"
    assert dumped(backup) == before
    assert backup.read_bytes()[68:72] == APPLICATION_ID.to_bytes(4, "big")


@pytest.mark.parametrize(
    ("last", "declared", "words"),
    [
        ('raise ZeroDivisionError("half-way")', "", "half-way"),
        ('op.execute("DELETE FROM runs")', "", "refer to missing rows"),
        ('op.execute("DELETE FROM features")', "", "features had 1 rows and has 0"),
        ('op.drop_column("runs", "why")', "", "the schema differs from this code"),
    ],
)
def test_an_upgrade_that_goes_wrong_at_its_end_changes_nothing(path, revisions, last, declared, words):
    revisions('op.execute("UPDATE concepts SET name = upper(name)")', last, declared=declared)
    before = dumped(path)
    with pytest.raises((ZeroDivisionError, DatabaseUnusable)) as refusal:
        Database.open(path.parent, user=USER)
    assert words in str(refusal.value)
    assert dumped(path) == before
    assert len(list((path.parent / "backups").iterdir())) == 1


def test_a_revision_may_change_rows_where_it_says_so(path, revisions):
    revisions('op.execute("DELETE FROM features")', declared='CHANGES_ROWS_OF = frozenset({"features"})')
    with Database.open(path.parent, user=USER) as database, database.reading() as registry:
        assert registry.feature("key") is None


def test_a_damaged_database_is_not_upgraded(path, revisions):
    revisions("pass")
    pages = bytearray(path.read_bytes())
    with closing(sqlite3.connect(path)) as connection:
        size = connection.execute("PRAGMA page_size").fetchone()[0]
        (page,) = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'ix_runs_adapter_id'").fetchone()
    pages[(page - 1) * size : page * size] = bytes(size)
    path.write_bytes(pages)
    with pytest.raises(DatabaseUnusable, match="is damaged"):
        Database.open(path.parent, user=USER)
    assert path.read_bytes() == pages
    assert list((path.parent / "backups").iterdir()) == []


def test_an_upgrade_that_another_process_finished_first_is_not_repeated(path, revisions):
    revisions("pass")
    upgrading.upgrade(path, USER)
    upgrading.upgrade(path, USER)
    assert len(list((path.parent / "backups").iterdir())) == 1


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("UPDATE concepts SET name = x'00ff'", "name of concepts cannot be read as text"),
        (
            "UPDATE concept_versions SET created_at = 'never'",
            "created_at of concept_versions cannot be read as datetime",
        ),
        ("CREATE VIEW mine AS SELECT id FROM missing", "mine"),
    ],
)
def test_what_no_version_wrote_is_not_upgraded_and_named(tmp_path, statement, said):
    path = old_registry(OLD[0], tmp_path)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(statement)
    before = dumped(path)
    with pytest.raises(DatabaseUnusable, match="could not be upgraded from schema 0001") as refused:
        Database.open(tmp_path)
    assert said in refused.value.cause
    assert dumped(path) == before
