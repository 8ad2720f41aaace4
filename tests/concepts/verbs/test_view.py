"""What a user may see and change of a database."""

import pytest

from concepts.errors import LibraryNotFound, NotPermitted, RunNotFound
from concepts.verbs.view import View


def test_a_library_of_another_user_does_not_exist_until_it_is_shared(alice, bob, toys):
    with bob.transaction() as registry, pytest.raises(LibraryNotFound):
        View(registry._session, "bob")._library("alice/toys")
    with alice.transaction() as registry:
        registry.share_library("toys", "bob", "reader")
    with bob.transaction() as registry:
        assert View(registry._session, "bob")._library("alice/toys").name == "toys"
        with pytest.raises(NotPermitted):
            View(registry._session, "bob")._library("alice/toys", "editor")


def test_a_run_is_changed_by_editors_of_its_library(alice, bob, toys):
    with bob.transaction() as registry, pytest.raises(RunNotFound):
        View(registry._session, "bob")._run(toys["run"])
    with alice.transaction() as registry:
        assert View(registry._session, "alice")._run(toys["run"])[1].id == toys["run"]
