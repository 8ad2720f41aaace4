"""Tables on a server: whose they are, and that another program's are left as they are."""

from pathlib import Path

import pytest
from sqlalchemy import text

import migrations
from concepts.database import Database
from concepts.errors import (
    ConceptError,
    DatabaseTooNew,
    DatabaseUnusable,
)
from concepts.stores.postgres_schema import bring_up, find_revision, require_known

pytestmark = pytest.mark.postgresql


def refusal(home: Path, address: str) -> ConceptError:
    with pytest.raises(ConceptError) as refused:
        Database.open(home, address=address)
    assert refused.value.exit_code == 7
    for words in (refused.value.cause, refused.value.remedy):
        assert words and "\n" not in words and "s3cret" not in words and "wr0ng" not in words
    return refused.value


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("CREATE TABLE invoices (id int)", "holds other tables: invoices."),
        ("CREATE TABLE alembic_version (version_num text)", "is another program's database."),
    ],
)
def test_another_programs_tables_are_left_as_they_are(place, statement, words):
    name = place.server.new_database()
    try:
        place.server.run(statement, database=name)
        refused = refusal(place.home, place.server.address(name))
        tables = place.server.run("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'", database=name)
    finally:
        place.server.drop(name)
    assert isinstance(refused, DatabaseUnusable) and refused.cause.endswith(words)
    assert tables == [(1,)]


def test_the_tables_belong_to_the_team(place, database):
    owners = place.sql("SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'")
    assert owners == [("studio",)]


def test_the_revision_is_that_of_marked_tables_and_of_none_where_there_are_none(place, database):
    with database.store.engine().connect() as connection:
        assert find_revision(connection, "it") == migrations.HEAD
        connection.execute(text("CREATE SCHEMA empty AUTHORIZATION CURRENT_USER"))
        connection.execute(text("SET search_path = empty"))
        assert find_revision(connection, "it") is None


def test_two_schema_versions_are_damage(place, database):
    place.sql("INSERT INTO alembic_version VALUES ('0001')")
    with database.store.engine().connect() as connection, pytest.raises(DatabaseUnusable) as refused:
        find_revision(connection, "it")
    assert (refused.value.cause, refused.value.remedy) == ("it has 2 schema versions.", "Restore a dump: pg_restore.")


def test_what_is_up_to_date_is_not_brought_up_again(place, database, monkeypatch):
    monkeypatch.setattr("concepts.stores.upgrade.run_revisions", lambda *_: pytest.fail("it was brought up"))
    bring_up(database.store.engine(), "it", database.user)


def test_a_revision_of_another_time_is_too_new():
    require_known("it", migrations.HEAD)
    with pytest.raises(DatabaseTooNew, match="it has schema '9999', which is newer") as refused:
        require_known("it", "9999")
    assert "pip install -U lambda-studio" in refused.value.remedy
