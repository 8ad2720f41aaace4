"""What is peculiar to a registry on a server: who somebody is, what cannot be reached, who came between, its upkeep."""

import shlex
import subprocess
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text as statement_of

import migrations
from concepts import database as door
from concepts.database import Database
from concepts.errors import (
    ConceptError,
    Contended,
    DatabaseUnusable,
    NameInvalid,
    ServersOwnTool,
)
from concepts.records import DatabaseFault, sha256
from concepts.stores import postgres

pytestmark = pytest.mark.postgresql


# Who somebody is


def test_the_user_is_the_role_that_connects_whatever_the_environment_says(place, monkeypatch):
    monkeypatch.setenv("STUDIO_USER", "bob")
    with place.open("alice") as database, database.reading() as registry:
        assert (database.user, registry.current_library().owner) == ("alice", "alice")
        assert database.store.notices() == ["STUDIO_USER says 'bob'; on PostgreSQL you are still the role 'alice'."]
    monkeypatch.setenv("STUDIO_USER", "alice")
    with place.open("alice") as database:
        assert database.store.notices() == []


def test_nobody_is_opened_the_registry_for_as_another(place):
    with pytest.raises(NameInvalid) as refusal:
        Database.open(place.home, "bob", place.address("alice"))
    assert "the user is the role that connects, 'alice', and cannot be 'bob'" in refusal.value.cause
    Database.open(place.home, "alice", place.address("alice")).close()


@pytest.mark.parametrize("role", ["a/b", "Zoe\u0308"])
def test_a_role_that_is_no_users_name_is_refused(place, role):
    with pytest.raises(NameInvalid):
        place.open(role)
    assert place.sql("SELECT DISTINCT owner FROM libraries WHERE owner ILIKE 'zo%' OR owner = 'a/b'") == []


def test_a_role_that_sets_another_is_still_itself(place):
    with place.open("bob"):
        pass
    place.server.run("GRANT bob TO alice")
    with Database.open(place.home, address=f"{place.address('alice')}?options=-crole%3Dbob") as database:
        assert database.user == "alice"


# Other roles


EVIL = """
    CREATE FUNCTION {0}.evil(a varchar, b varchar) RETURNS boolean LANGUAGE sql AS 'SELECT true';
    CREATE OPERATOR {0}.= (LEFTARG = varchar, RIGHTARG = varchar, FUNCTION = {0}.evil);
"""
"""Stands for PostgreSQL's own `=` of text where texts are varchar(64), as hashes are."""


def test_a_schema_in_which_every_role_may_create_is_refused(place):
    with place.open("alice"):
        pass
    place.sql("GRANT CREATE ON SCHEMA public TO PUBLIC")
    try:
        refused = refusal(place.home, place.address("alice"))
        assert "every role of the server may create objects in the schema public" in refused.cause
        assert 'REVOKE CREATE ON SCHEMA "public" FROM PUBLIC' in refused.remedy
    finally:
        place.sql("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    place.open("alice").close()


def test_what_another_schema_of_the_path_holds_is_never_called(place):
    for statement in (
        "CREATE SCHEMA evil",
        *EVIL.format("evil").split(";\n")[:2],
        "GRANT USAGE ON SCHEMA evil TO PUBLIC",
    ):
        place.sql(statement)
    try:
        address = f"{place.address('alice')}?options=-csearch_path%3Dpublic,evil"
        with Database.open(place.home, address=address) as database, database.reading() as registry:
            found = registry._session.execute(statement_of("SELECT 'a'::varchar(64) = 'b'::varchar(64)")).scalar()
            path = registry._session.execute(statement_of("SHOW search_path")).scalar()
        assert (found, path) == (False, "public, pg_temp")
    finally:
        place.sql("DROP SCHEMA evil CASCADE")


# Connections


def refusal(home: Path, address: str) -> ConceptError:
    with pytest.raises(ConceptError) as refused:
        Database.open(home, address=address)
    assert refused.value.exit_code == 7
    for text in (refused.value.cause, refused.value.remedy):
        assert text and "\n" not in text and "s3cret" not in text and "wr0ng" not in text
    return refused.value


def test_a_role_that_may_not_make_tables_makes_none(place):
    place.server.run("CREATE ROLE stranger LOGIN")
    name = place.server.new_database()
    try:
        refused = refusal(place.home, place.server.address(name, "stranger"))
        assert "permission denied for schema public" in refused.cause
    finally:
        place.server.drop(name)
        place.server.run("DROP ROLE stranger")


def test_a_connection_that_broke_between_two_verbs_is_made_anew(place, database):
    with database.reading() as registry:
        assert registry.concepts("default") == []
    assert break_connections(place) > 0
    with database.transaction() as registry:
        assert registry.concepts("default") == []


def break_connections(place) -> int:
    others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = ? AND pid <> pg_backend_pid()"
    return len(place.sql(others, place.name))


# Who came between


def image(rex):
    from concepts.records import NewImage

    return NewImage(b"another", None, 1, 1, rex.name)


def test_a_verb_is_done_again_alone_where_others_came_between(place, database, rex):
    modes = []

    def revise(registry):
        present = registry.get_concept("default", "rex")
        held = "SELECT count(*) FROM pg_locks WHERE mode = 'ShareRowExclusiveLock' AND database ="
        modes.append(place.sql(f"{held} (SELECT oid FROM pg_database WHERE datname = ?)", place.name)[0][0])
        if len(modes) == 1:
            other.write(lambda registry: registry.revise_concept("default", "rex", "wolf", [image(rex)]))
        return registry.revise_concept("default", "rex", f"{present.noun}hound", [image(rex)])

    with place.open() as other:
        revised = database.write(revise)
    assert modes == [0, 1], "the second time alone"
    assert (revised.concept.version, revised.concept.noun) == (3, "wolfhound")


def test_after_so_many_times_it_is_given_up(place, database, rex, monkeypatch):
    monkeypatch.setattr(door, "ATTEMPTS", 3)
    names = iter("abcdef")
    calls = []

    def rename(registry):
        calls.append(registry.concept_names("default"))
        theirs = next(names)  # by another program, which takes no turns
        place.sql("UPDATE concepts SET name = ?, name_key = ? WHERE name = ?", theirs, theirs, calls[-1][0])
        registry.rename_concept("default", calls[-1][0], "mine")

    with pytest.raises(Contended):
        database.write(rename)
    assert calls == [["rex"], ["a"], ["b"]]


# Whose tables


def test_a_database_that_cannot_hold_every_name_is_refused(place):
    place.server.run("CREATE DATABASE ascii TEMPLATE template0 ENCODING 'SQL_ASCII'")
    try:
        refused = refusal(place.home, place.server.address("ascii"))
    finally:
        place.server.drop("ascii")
    assert "its encoding is SQL_ASCII" in refused.cause
    assert "createdb --template=template0 --encoding=UTF8" in refused.remedy


# Upkeep


def test_the_state_and_soundness_are_told(place, database, rex):
    present = database.store.state()
    assert (present.path, present.revision, present.newest) == (str(database.store), migrations.HEAD, migrations.HEAD)
    assert present.size > 1_000_000
    assert list(database.store.faults()) == []
    assert database.store.upgrade() == (present, present)


def test_damaged_bytes_and_a_changed_schema_are_found(place, database, rex):
    with database.transaction() as registry:
        registry.put_feature("key", "image_embeds", b"feature", [7], "uint8", rex.images[0].sha)
    place.sql("UPDATE blobs SET data = ?, size = 3 WHERE sha IN (?, ?)", b"bad", sha256(b"a"), sha256(b"feature"))
    assert set(database.store.faults()) == {
        DatabaseFault(f"the bytes of {sha256(b'a')}, given by a person, are damaged"),
        DatabaseFault(f"the bytes of {sha256(b'feature')}, a cached value, are damaged", derived=True),
    }
    assert list(database.store.faults(contents=False)) == []
    place.sql("UPDATE version_images SET width = 1, height = 1")
    assert [fault.derived for fault in database.store.faults()] == [False, False], "it came in place of pictures"
    place.sql("ALTER TABLE runs DROP COLUMN why")
    (changed,) = database.store.faults(contents=False)
    assert "the schema differs from this version's in ('add_column'" in changed.said


def test_a_database_without_tables_is_not_present_and_one_out_of_reach_is(place):
    name = place.server.new_database()
    try:
        with closing(postgres.PostgresServer(url(place.server.address(name)))) as store:
            assert not store.present()
            with pytest.raises(DatabaseUnusable, match="has no registry yet"):
                store.state()
        with closing(postgres.PostgresServer(url(place.server.address("nothing_here")))) as store:
            assert store.present()
    finally:
        place.server.drop(name)


def url(address: str):
    from sqlalchemy import make_url

    return make_url(address)


def test_the_commands_for_a_dump_and_back_do_it(place, database, rex, postgres_programs, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(postgres_programs), prepend=":")
    with pytest.raises(ServersOwnTool) as dump:
        database.store.back_up(Path("all of it.dump"))
    with pytest.raises(ServersOwnTool) as restore:
        database.store.restore(Path("all of it.dump"))
    assert (dump.value.exit_code, restore.value.exit_code) == (2, 2)
    command(dump.value)
    with database.transaction() as registry:
        registry.forget_concept("default", "rex")
    command(restore.value)
    with place.open() as again, again.reading() as registry:
        assert registry.get_concept("default", "rex") == rex
        assert registry.blob(rex.images[0].sha) == b"a"
        assert list(again.store.faults()) == []


def command(error: ServersOwnTool) -> None:
    words = shlex.split(error.remedy.partition(": ")[2])
    done = subprocess.run(words, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
