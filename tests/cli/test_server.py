"""A team's registry on a PostgreSQL server, as its people call `studio`."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def team(postgres_server: Any) -> Iterator[str]:
    """The name of an empty database; alice and bob may use it."""
    for person in ("alice", "bob"):
        postgres_server.add_person(person)
    name = postgres_server.new_database()
    yield name
    postgres_server.drop(name)


@pytest.fixture
def as_role(studio, postgres_server: Any, team: str, monkeypatch) -> Callable:
    """Calls a command line as somebody who connects with that role."""

    def call(role: str, *args: object):
        monkeypatch.setenv("STUDIO_DATABASE", postgres_server.address(team, role))
        return studio(*args)

    return call


def test_a_team_shares_one_registry(as_role, photos, tmp_path: Path) -> None:
    assert as_role("alice", "library", "create", "toys").code == 0
    assert as_role("alice", "library", "use", "toys").code == 0
    added = as_role("alice", "add-concept", "rex", *photos, "--noun", "dog")
    assert (added.code, "Added rex (dog) in library toys: 2 images." in added.out) == (0, True)
    assert "rex" in as_role("alice", "concepts", "list").out
    assert json.loads(as_role("alice", "concepts", "show", "rex", "--json").out)["embeddings"] == {"tiny": 2}
    assert as_role("bob", "concepts", "--library", "alice/toys").code == 3
    assert as_role("alice", "library", "share", "toys", "bob").out == "bob is a reader of toys now.\n"
    assert "rex" in as_role("bob", "concepts", "list", "--library", "alice/toys").out
    assert as_role("bob", "concepts", "remove", "rex", "--yes", "--library", "alice/toys").code == 10
    assert as_role("alice", "concepts", "remove", "rex", "--yes").code == 0
    assert as_role("bob", "concepts", "show", "rex", "--library", "alice/toys").code == 3
    assert as_role("alice", "concepts", "restore", "rex").code == 0
    assert as_role("bob", "concepts", "show", "rex", "--library", "alice/toys").code == 0
    assert not (tmp_path / "home" / "studio.sqlite3").exists()


def test_an_adapter_that_this_machine_cannot_reach_is_said_so_with_where_it_looked(as_role, photos, tmp_path) -> None:
    as_role("alice", "add-concept", "rex", *photos, "--noun", "dog")
    assert as_role("alice", "finetune", "rex", "--steps", 1, "--rank", 2).code == 0
    as_role("alice", "library", "share", "default", "bob")
    shared = ("--library", "alice/default")
    assert as_role("bob", "generate", "a <rex>", "--steps", 1, *shared).code == 0
    elsewhere = (*shared, "--home", tmp_path / "elsewhere")
    card = json.loads(as_role("bob", "adapters", "show", 1, "--json", *elsewhere).out)
    assert (card["missing"], Path(card["path"]).parent) == (True, tmp_path / "elsewhere" / "adapters")
    assert "missing" in as_role("bob", "adapters", *elsewhere).out
    refused = as_role("bob", "generate", "a <rex>", "--steps", 1, *elsewhere)
    assert (refused.code, refused.out) == (6, "")
    assert refused.err == (
        f"Error: The file of adapter 1 is not reachable from this machine: {card['path']}.\n"
        "  → Set the home (STUDIO_HOME) to the team's shared folder, and check that you can read it.\n"
    )
    sick = as_role("bob", "doctor", *elsewhere)
    assert (sick.code, "adapter 1: The file of adapter 1 is not reachable" in sick.out) == (2, True)


def test_a_new_run_leaves_the_folder_of_another_databases_run(as_role, studio, photos, monkeypatch) -> None:
    as_role("alice", "add-concept", "rex", *photos, "--noun", "dog")
    assert as_role("alice", "finetune", "rex", "--steps", 1, "--rank", 2).code == 0
    monkeypatch.delenv("STUDIO_DATABASE")
    studio("add-concept", "rex", *photos, "--noun", "dog")
    tuned = studio("finetune", "rex", "--steps", 1, "--rank", 2)
    assert (tuned.code, "belongs to no run of this database" in tuned.err) == (0, True)
    assert "this run has the number 2." in tuned.err


def test_the_database_as_a_whole_is_looked_after_or_it_is_said_who_does_it(as_role, photos, team) -> None:
    new = as_role("alice", "doctor", "--depth", "quick")
    assert (new.code, new.err) == (0, "")
    as_role("alice", "add-concept", "rex", *photos, "--noun", "dog")
    healthy = as_role("alice", "doctor", "--depth", "thorough")
    assert (healthy.code, "sound, and every hash is right" in healthy.out) == (0, True)
    assert "Sound: every row and every hash is right." in as_role("alice", "db", "check").out
    assert "has schema 0005 already." in as_role("alice", "db", "upgrade").out
    for words, tool in ((("backup",), "pg_dump"), (("restore", "studio.dump", "--yes"), "pg_restore")):
        refused = as_role("alice", "db", *words)
        assert (refused.code, refused.out) == (2, "")
        assert f"{tool} -" in refused.err and f"--username=alice --dbname={team}" in refused.err


def test_who_you_are_not_is_said(as_role, monkeypatch) -> None:
    monkeypatch.setenv("STUDIO_USER", "bob")
    answer = as_role("alice", "library", "members", "default")
    assert answer.err == "STUDIO_USER says 'bob'; on PostgreSQL you are still the role 'alice'.\n"
    assert answer.out.splitlines()[1].split() == ["alice", "owner"]


@pytest.mark.parametrize("line", ["concepts", "doctor", "db check", "concepts --debug"])
def test_a_password_is_never_told(studio, postgres_server: Any, monkeypatch, line: str) -> None:
    for role, database in (("guarded:wr0ng", "postgres"), ("guarded:s3cret", "nothing_here"), ("a:b:s3cret@", "x")):
        monkeypatch.setenv("STUDIO_DATABASE", postgres_server.address(database, role))
        refused = studio(*line.split())
        assert refused.code in (2, 7)
        assert not {word for word in ("wr0ng", "s3cret") if word in refused.out + refused.err}
    assert "s3cret" not in studio("--help").out


def test_the_option_outranks_the_environment(as_role, postgres_server: Any, team: str, tmp_path: Path) -> None:
    answer = as_role("alice", "library", "--json", "--database", tmp_path / "mine.db")
    assert (answer.code, (tmp_path / "mine.db").is_file()) == (0, True)
    assert postgres_server.run("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'", database=team) == [(0,)]
