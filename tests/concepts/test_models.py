"""The registry's tables: named constraints, moments in UTC."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy.dialects import sqlite

from concepts.errors import DatabaseUnusable
from concepts.models import Base, UtcDateTime, now


def test_every_constraint_has_a_name():
    for table in Base.metadata.tables.values():
        assert all(constraint.name for constraint in table.constraints), table.name


def test_a_moment_is_stored_in_utc_and_comes_back_as_the_same_moment():
    column, dialect = UtcDateTime(), sqlite.dialect()
    here = datetime(2025, 3, 30, 1, 30, tzinfo=timezone(timedelta(hours=2)))
    stored = column.process_bind_param(here, dialect)
    assert stored == datetime(2025, 3, 29, 23, 30)
    assert column.process_result_value(stored, dialect) == here
    assert column.process_bind_param(None, dialect) is column.process_result_value(None, dialect) is None
    assert now().tzinfo is UTC


@pytest.mark.sqlite
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE concepts SET created_at = 'x'",
        "UPDATE blobs SET data = substr('a b c d', 1, length(data))",
        "UPDATE version_images SET warnings = '{'",
        "UPDATE version_images SET warnings = '5'",
    ],
)
def test_a_value_that_cannot_be_read_is_damage_and_no_fault_of_the_program(database, picture, sql, statement):
    with database.transaction() as registry:
        image = registry.add_concept("default", "rex", "dog", [picture("a")]).concept.images[0].sha
    sql(statement)
    with database.reading() as registry, pytest.raises(DatabaseUnusable, match="A value in the database is damaged"):
        registry.concepts("default")
        registry.get_concept("default", "rex")
        registry.blob(image)


@pytest.mark.parametrize(
    ("statement", "constraint"),
    [
        ("UPDATE version_images SET width = 0", "has_pixels"),
        ("UPDATE concept_versions SET number = 0", "number_from_one"),
        ("UPDATE blobs SET size = size + 1", "size_is_length"),
        ("UPDATE runs SET status = 'lost'", "status_known"),
        ("INSERT INTO members SELECT id, 'bob', 'king', created_at FROM libraries", "role_known"),
    ],
)
def test_the_database_itself_refuses_a_row_that_cannot_be(database, picture, sql, statement, constraint):
    with database.transaction() as registry:
        rex = registry.add_concept("default", "rex", "dog", [picture("a")]).concept
        registry.start_run("default", "finetune", {}, [rex.version_id])
    with pytest.raises(Exception, match=constraint):  # each driver has an error of its own
        sql(statement)


def test_a_forgotten_number_is_given_to_no_other(database, picture):
    with database.transaction() as registry:
        first = registry.add_concept("default", "rex", "dog", [picture("a")]).concept
        registry.forget_concept("default", "rex")
        second = registry.add_concept("default", "rex", "dog", [picture("a")]).concept
    assert second.id > first.id and second.version_id > first.version_id
