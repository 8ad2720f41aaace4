"""Try verbs of the registry with every role."""

from collections.abc import Callable, Mapping

import pytest

from concepts.access import ROLES
from concepts.database import Database
from concepts.errors import NotPermitted

Writes = Mapping[str, tuple[str, Callable]]
"""Verbs that change a library: the least role, and a call with registry, address, contents and a new image."""


class Undone(Exception):
    """Ends a transaction that leaves nothing."""


def require_roles(writes: Writes, role: str, alice: Database, bob: Database, toys: dict, picture: Callable) -> None:
    """Check that each verb does what it may with this role, and else says who may and how that is changed."""
    with alice.transaction() as registry:
        registry.share_library("toys", "bob", role)
        registry.share_library("toys", "dora", "reader")
        registry.add_concept("toys", "gone", "hat", [picture("g")])
        registry.remove_concept("toys", "gone")
    for verb, (least, write) in writes.items():
        with pytest.raises((Undone, NotPermitted)) as ended, bob.transaction() as registry:
            write(registry, "alice/toys", toys, picture("b"))
            raise Undone
        if ROLES.index(role) >= ROLES.index(least):
            assert ended.type is Undone, verb
            continue
        assert (ended.type, ended.value.exit_code) == (NotPermitted, 10), verb
        an = "a reader" if role == "reader" else "an editor"
        assert ended.value.cause.startswith(f"You ('bob') are {an} of 'alice/toys': only an {least} may ")
        assert ended.value.remedy.startswith(f"Ask alice for: studio library share toys bob --role {least}.")
