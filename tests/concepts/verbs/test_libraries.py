"""Verbs of libraries, with every role."""

import pytest

from concepts.access import ROLES
from tests.concepts.verbs.roles import Writes, require_roles

OTHERS = {
    "libraries",
    "find_library",
    "get_library",
    "current_library",
    "members",
    "owns_library",
    "library_address",
    "library_stack",
    "create_library",
    "use_library",
}  # the last two write what is the user's own
WRITES: Writes = {
    "set_library_stack": ("editor", lambda it, at, had, image: it.set_library_stack(at, "kandinsky-2.2")),
    "require_editor": ("editor", lambda it, at, had, image: it.require_editor(at)),
    "rename_library": ("owner", lambda it, at, had, image: it.rename_library(at, "games")),
    "remove_library": ("owner", lambda it, at, had, image: it.remove_library(at, agreed=True)),
    "share_library": ("owner", lambda it, at, had, image: it.share_library(at, "carol", "reader")),
    "unshare_library": ("owner", lambda it, at, had, image: it.unshare_library(at, "dora")),
}


@pytest.mark.parametrize("role", ROLES)
def test_a_role_changes_a_library_if_it_may(alice, bob, toys, picture, role):
    require_roles(WRITES, role, alice, bob, toys, picture)
