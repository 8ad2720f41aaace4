"""Two users of one registry: whose is what, who may do what, and how a concept gets from one to the other."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import well


@pytest.fixture
def as_user(studio, monkeypatch) -> Callable:
    """Calls a command line as a user."""

    def call(user: str, *args: object):
        monkeypatch.setenv("STUDIO_USER", user)
        return studio(*args)

    return call


@pytest.fixture
def toys(as_user, photos, prepare) -> None:
    """rex, in alice's library toys."""

    def fill() -> None:
        well(as_user("alice", "library", "create", "toys"))
        well(as_user("alice", "add-concept", "rex", *photos, "--noun", "dog", "--library", "toys"))

    prepare("toys", fill)


def test_what_is_not_shared_does_not_exist(as_user, toys) -> None:
    hidden = as_user("bob", "concepts", "--library", "alice/toys")
    missing = as_user("bob", "concepts", "--library", "alice/nix")
    assert (hidden.code, hidden.err) == (3, missing.err.replace("nix", "toys"))
    assert [each["address"] for each in json.loads(as_user("bob", "library", "--json").out)] == ["default"]


def test_a_library_is_shared_seen_used_and_unshared(as_user, toys, stack_file: Path) -> None:
    assert as_user("alice", "library", "share", "toys", "bob").out == "bob is a reader of toys now.\n"
    assert as_user("alice", "library", "members", "toys").out.splitlines() == [
        "USER   ROLE",
        "alice  owner",
        "bob    reader",
    ]
    listed = as_user("bob", "library").out.splitlines()
    assert listed[0].split() == ["NAME", "CONCEPTS", "YOU", "ARE", "STACK"]
    assert listed[2].split() == ["alice/toys", "1", "reader", str(stack_file)]
    used = as_user("bob", "library", "use", "alice/toys")
    assert used.out == f"Using library alice/toys with {stack_file}.\n"
    drawn = as_user("bob", "generate", "a <rex>", "--steps", 1, "--seed", 0)
    assert (drawn.code, drawn.err) == (0, "")
    assert as_user("alice", "library", "unshare", "toys", "bob").out == (
        "bob, who was a reader, cannot see toys any more.\n"
    )
    assert "Library default has no concepts yet" in as_user("bob", "concepts").out


def test_a_reader_is_told_whom_to_ask_and_an_editor_may_write(as_user, toys, photos) -> None:
    as_user("alice", "library", "share", "toys", "bob")
    add = ("add-concept", "max", photos[0], "--noun", "dog", "--library", "alice/toys")
    tune = ("finetune", "rex", "--steps", 1, "--rank", 2, "--library", "alice/toys")
    for line in (add, tune, ("concepts", "remove", "rex", "--yes", "--library", "alice/toys")):
        refused = as_user("bob", *line)
        assert (refused.code, refused.out) == (10, "")
        assert refused.err == (
            "Error: You ('bob') are a reader of 'alice/toys': only an editor may change its contents.\n"
            "  → Ask alice for: studio library share toys bob --role editor. "
            "Or copy concepts to a library of your own: studio --library alice/toys concepts copy\n"
        )
    assert as_user("alice", "library", "share", "toys", "bob", "--role", "editor").code == 0
    assert "Added max (dog) in library alice/toys: 1 image." in as_user("bob", *add).out
    assert as_user("bob", *tune).code == 0
    assert as_user("bob", "library", "rename", "alice/toys", "games").code == 10
    assert as_user("alice", "library", "rename", "toys", "games").out == "toys is now called games.\n"
    assert "max" in as_user("bob", "concepts", "--library", "alice/games").out


def test_a_single_concept_is_shared_by_copying_it(as_user, toys) -> None:
    as_user("alice", "library", "share", "toys", "bob")
    copied = as_user("bob", "concepts", "copy", "rex", "default", "--as", "Bello", "--library", "alice/toys")
    assert copied.out == "Copied to Bello (dog) in library default: 2 images.\n"
    again = as_user("bob", "concepts", "copy", "rex", "default", "--as", "bello", "--library", "alice/toys")
    assert again.out == "Already there: Bello (dog) in library default: 2 images.\n"
    as_user("alice", "library", "remove", "toys", "--yes")
    shown = json.loads(as_user("bob", "concepts", "show", "Bello", "--json").out)
    assert shown["embeddings"] == {"tiny": 2}, "they were cached for alice, and serve bob"


def test_a_library_goes_with_all_that_is_in_it_when_somebody_says_so(as_user, toys, tmp_path: Path) -> None:
    as_user("alice", "finetune", "rex", "--steps", 1, "--rank", 2, "--library", "toys")
    home = tmp_path / "home"
    assert any((home / "adapters").iterdir()) and (home / "runs" / "1").exists()
    refused = as_user("alice", "library", "remove", "toys")
    assert refused.code == 2
    assert refused.err == (
        "Error: Library 'toys' is not empty: 1 concept ('rex'), 1 adapter, 1 run would be deleted for good.\n"
        "  → To delete it all: studio library remove toys --yes\n"
    )
    gone = as_user("alice", "library", "remove", "toys", "--yes")
    assert gone.out == "Removed library toys, and with it 1 concept, 1 adapter, 1 run.\n"
    assert not any((home / "adapters").iterdir()) and not (home / "runs" / "1").exists()
    assert as_user("alice", "library", "create", "toys").code == 0
    assert as_user("alice", "library", "remove", "toys").out == "Removed library toys.\n"


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        ("library create bob/x", 5, "The library name 'bob/x' contains a slash."),
        ("library share toys a/b", 5, "The user name 'a/b' contains a slash."),
        ("library share toys alice", 10, "belongs to 'alice', whose role cannot change"),
        ("library share toys bob --role king", 2, "'king' is not one of"),
        ("library unshare toys bob", 3, "It is shared with: nobody."),
        ("library members nix", 3, "No library named 'nix'"),
        ("library rename toys default", 4, "A library named 'default' is already there."),
        ("concepts copy rex nix --library toys", 3, "No library named 'nix'"),
    ],
)
def test_what_cannot_be_is_refused(as_user, toys, line: str, code: int, said: str) -> None:
    answer = as_user("alice", *line.split())
    assert answer.code == code
    assert said in answer.err


def test_libraries_keep_concepts_apart_and_remember_their_stack(studio, photos, stack_file: Path, monkeypatch) -> None:
    assert studio("library", "create", "work").code == 0
    studio("add-concept", "rex", *photos, "--noun", "dog", "--library", "work")
    assert "has no concepts yet" in studio("concepts").out
    assert studio("library", "use", "work").out == f"Using library work with {stack_file}.\n"
    assert "rex" in studio("concepts").out
    monkeypatch.delenv("STUDIO_STACK")
    assert json.loads(studio("generate", "a <rex>", "--steps", 1, "--json").out)["stack"] == "tiny"
