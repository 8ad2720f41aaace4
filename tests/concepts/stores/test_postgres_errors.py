"""What a server refuses, in one line of cause and one of remedy, and never with a password."""

from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from concepts.database import Database
from concepts.errors import (
    ConceptError,
    Contended,
    DatabaseBusy,
    DatabaseUnreachable,
)
from concepts.stores import postgres

pytestmark = pytest.mark.postgresql


def refusal(home: Path, address: str) -> ConceptError:
    with pytest.raises(ConceptError) as refused:
        Database.open(home, address=address)
    assert refused.value.exit_code == 7
    for text in (refused.value.cause, refused.value.remedy):
        assert text and "\n" not in text and "s3cret" not in text and "wr0ng" not in text
    return refused.value


def test_what_cannot_be_reached_is_told_in_one_line_without_a_password(place):
    server, home = place.server, place.home
    whole = server.address(place.name, "guarded:s3cret")
    Database.open(home, address=whole).close()
    wrong = refusal(home, server.address(place.name, "guarded:wr0ng"))
    assert isinstance(wrong, DatabaseUnreachable) and "does not let you in" in wrong.cause
    nobody = refusal(home, server.address(place.name, "nobody_of_that_name:s3cret"))
    assert 'role "nobody_of_that_name" does not exist' in nobody.cause
    missing = refusal(home, server.address("nothing_here", "guarded:s3cret"))
    assert missing.cause.endswith('database "nothing_here" does not exist.')
    assert missing.remedy == "Create the database with createdb, or name another."
    closed = refusal(home, whole.replace(f":{server.port}/", ":1/"))
    assert closed.cause.startswith(f"postgresql://guarded@127.0.0.1:1/{place.name} cannot be reached: ")
    assert "Connection refused" in closed.cause and "Check that the server runs" in closed.remedy
    nowhere = refusal(home, "postgresql+psycopg://guarded:s3cret@no.such.host.invalid/studio")
    assert nowhere.cause.startswith("postgresql://guarded@no.such.host.invalid/studio cannot be reached: ")


def test_a_role_without_rights_is_told_whom_to_ask(place):
    place.server.run("CREATE ROLE stranger LOGIN")
    try:
        refused = refusal(place.home, place.server.address(place.name, "stranger"))
    finally:
        place.server.run("DROP ROLE stranger")
    assert "permission denied for table alembic_version" in refused.cause
    assert "GRANT the owner's role TO this role" in refused.remedy


def test_a_connection_that_breaks_within_one_is_told(place, database):
    with pytest.raises(DatabaseUnreachable) as lost, database.transaction() as registry:
        registry.create_library("toys")
        break_connections(place)
        registry.create_library("games")
    assert lost.value.cause.startswith(f"The connection to {database.store} was lost (")
    assert lost.value.exit_code == 7
    with database.reading() as registry:
        assert [each.name for each in registry.libraries()] == ["default"]


def break_connections(place) -> int:
    others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = ? AND pid <> pg_backend_pid()"
    return len(place.sql(others, place.name))


def test_tables_that_somebody_else_has_locked_are_waited_for_and_then_given_up(place, monkeypatch):
    monkeypatch.setattr(postgres, "BUSY_SECONDS", 1)
    where = f"host=127.0.0.1 port={place.server.port} user=admin dbname={place.name}"
    with closing(psycopg.connect(where)) as other:
        other.execute("LOCK TABLE libraries")
        with pytest.raises(DatabaseBusy) as refused:
            place.open()
    assert (refused.value.exit_code, "lock timeout" in refused.value.cause) == (7, True)


def test_who_came_between_is_told_and_nothing_is_kept(place, database, rex):
    with place.open() as other, pytest.raises(Contended) as refused, database.transaction() as registry:
        registry.create_library("toys")
        assert registry.concept_names("default") == ["rex"]
        other.write(lambda registry: registry.add_concept("default", "max", "dog", [image(rex)]))
        registry.rename_concept("default", "rex", "max")
    assert refused.value.exit_code == 7
    with database.reading() as registry:
        assert registry.concept_names("default") == ["max", "rex"]
        assert [each.name for each in registry.libraries()] == ["default"]


def image(rex):
    from concepts.records import NewImage

    return NewImage(b"another", None, 1, 1, rex.name)
