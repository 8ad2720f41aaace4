"""Rows that contradict what is derived from them are named, in a file and on a server."""

import pytest
from sqlalchemy import text

from concepts.stores.row_faults import row_faults


def found(database) -> list[str]:
    with database.reading() as registry:
        return [fault.said for fault in row_faults(lambda query: registry._session.execute(text(query)))]


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("UPDATE concepts SET name = 'sex'", "of concepts, 'sex', does not match its key"),
        ("UPDATE libraries SET name = 'x'", "of libraries, 'x', does not match its key"),
        ("DELETE FROM version_images", "'dog', do not match its manifest"),
        ("UPDATE concept_versions SET noun = 'cat'", "'cat', do not match its manifest"),
    ],
)
def test_a_row_that_contradicts_itself_is_named(database, picture, sql, statement: str, said: str) -> None:
    with database.transaction() as registry:
        registry.add_concept("default", "rex", "dog", [picture("a"), picture("b")])
        registry.add_concept("default", "max", "dog", [picture("b")])
    assert found(database) == []
    sql(statement)
    assert any(said in fault for fault in found(database))


def test_the_doctors_view_of_the_database_has_them(database, picture, sql) -> None:
    with database.transaction() as registry:
        registry.add_concept("default", "rex", "dog", [picture("a")])
    sql("UPDATE concepts SET name = 'sex'")
    assert [fault.derived for fault in database.store.faults()] == [False]
