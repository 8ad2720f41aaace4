"""Tables on a server: whose they are, and that another program's are left as they are."""

from pathlib import Path

import pytest

from concepts.database import Database
from concepts.errors import (
    ConceptError,
    DatabaseUnusable,
)

pytestmark = pytest.mark.postgresql


def refusal(home: Path, address: str) -> ConceptError:
    with pytest.raises(ConceptError) as refused:
        Database.open(home, address=address)
    assert refused.value.exit_code == 7
    for text in (refused.value.cause, refused.value.remedy):
        assert text and "\n" not in text and "s3cret" not in text and "wr0ng" not in text
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
