"""Two users and one database: each sees what is theirs or shared with them, and does what their role allows."""

import pytest

from concepts.database import Database
from concepts.errors import (
    LibraryExists,
    LibraryNotFound,
    MemberNotFound,
    NameInvalid,
    NotPermitted,
)
from concepts.records import MemberRecord


def share(alice: Database, role: str) -> None:
    with alice.transaction() as registry:
        registry.share_library("toys", "bob", role)


def test_everybody_begins_with_a_library_of_their_own(alice, bob):
    for database in (alice, bob):
        with database.reading() as registry:
            (library,) = registry.libraries()
        assert (library.name, library.owner, library.address) == ("default", database.user, "default")
        assert (library.role, library.current) == ("owner", True)


def test_somebody_may_be_shared_with_before_they_ever_came(place, alice, toys):
    with alice.transaction() as registry:
        registry.share_library("toys", "newcomer", "reader")
    with place.open("newcomer") as database, database.transaction() as registry:
        assert [(each.address, each.current) for each in registry.libraries()] == [
            ("default", True),
            ("alice/toys", False),
        ]
        registry.remove_library("default")
        assert [(each.address, each.current) for each in registry.libraries()] == [("alice/toys", False)]
        with pytest.raises(LibraryNotFound):
            registry.current_library()


def test_who_is_not_shared_with_any_more_is_back_in_their_own(alice, bob, toys):
    share(alice, "owner")
    with bob.transaction() as registry:
        registry.use_library("alice/toys")
    with alice.transaction() as registry:
        assert registry.unshare_library("toys", "bob") == MemberRecord("bob", "owner")
    with bob.reading() as registry:
        assert registry.current_library().address == "default"
        assert registry.find_library("alice/toys") is None


def test_a_member_may_leave(alice, bob, toys):
    share(alice, "reader")
    with bob.transaction() as registry:
        registry.unshare_library("alice/toys", "bob")
        assert registry.find_library("alice/toys") is None
    with alice.transaction() as registry, pytest.raises(MemberNotFound) as refusal:
        registry.unshare_library("toys", "bob")
    assert refusal.value.cause == "Library 'toys' is not shared with 'bob'. It is shared with: nobody."
    assert refusal.value.exit_code == 3


def test_a_role_can_change_but_not_the_owners(alice, bob, toys):
    share(alice, "reader")
    share(alice, "owner")
    with bob.transaction() as registry:
        assert registry.get_library("alice/toys").role == "owner"
        for verb in (lambda: registry.share_library("alice/toys", "alice", "reader"),
                     lambda: registry.unshare_library("alice/toys", "alice")):  # fmt: skip
            with pytest.raises(NotPermitted) as refusal:
                verb()
            assert refusal.value.cause == "Library 'toys' belongs to 'alice', whose role cannot change."
    with alice.transaction() as registry, pytest.raises(ValueError, match="'king' is not one of"):
        registry.share_library("toys", "bob", "king")


def test_names_are_unique_for_each_owner(alice, bob, toys):
    share(alice, "editor")
    with bob.transaction() as registry:
        registry.create_library("Toys")
        assert registry.get_library("toys").owner == "bob"
        assert registry.get_library("alice/TOYS").owner == "alice"
        assert registry.get_library("bob/toys").address == "Toys"
        with pytest.raises(LibraryExists):
            registry.create_library("TOYS")
        with pytest.raises(LibraryExists):
            registry.rename_library("default", "toys")
        assert registry.rename_library("toys", "TOYS").name == "TOYS"


@pytest.mark.parametrize("name", ["alice/new", "/", "a/"])
def test_a_new_library_has_no_slash_in_its_name(bob, name):
    with bob.transaction() as registry, pytest.raises(NameInvalid) as refusal:
        registry.create_library(name)
    assert "contains a slash" in refusal.value.cause
    assert "OWNER/LIBRARY names another user's library" in refusal.value.remedy


def test_a_library_of_an_older_version_may_have_a_slash(bob, sql):
    with bob.transaction() as registry:
        registry.create_library("old")
    sql("UPDATE libraries SET name = 'alice/toys', name_key = 'alice/toys' WHERE name = 'old'")
    with bob.transaction() as registry:
        assert registry.get_library("alice/toys").owner == "bob"
        assert registry.get_library("bob/alice/toys").owner == "bob"
        assert registry.rename_library("alice/toys", "toys").address == "toys"


@pytest.mark.sqlite
@pytest.mark.parametrize("user", ["", "a/b", "x\ny", "x" * 81])
def test_a_user_has_a_name_that_can_be_one(alice, toys, user):
    with alice.transaction() as registry, pytest.raises(NameInvalid, match="user name"):
        registry.share_library("toys", user, "reader")
    with pytest.raises(NameInvalid, match="user name"):
        Database.open(alice.path.parent, user=user)
