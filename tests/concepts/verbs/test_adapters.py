"""Verbs of adapters, with every role."""

import pytest

from concepts.access import ROLES
from tests.concepts.verbs.roles import Writes, require_roles

OTHERS = {"adapters", "get_adapter", "adapter_files_without_row", "adapter_numbers", "require_adapter_name"}
WRITES: Writes = {
    "add_adapter": ("editor", lambda it, at, had, image: it.add_adapter(at, "cd" * 32, "f", "lora", "tiny", {}, [])),
    "derive_adapter": (
        "editor",
        lambda it, at, had, image: it.derive_adapter(at, "de" * 32, "lora", "tiny", {}, [had["adapter"]]),
    ),
    "rename_adapter": ("editor", lambda it, at, had, image: it.rename_adapter(at, had["adapter"], "pets")),
    "remove_adapter": ("editor", lambda it, at, had, image: it.remove_adapter(at, had["adapter"])),
}


@pytest.mark.parametrize("role", ROLES)
def test_a_role_changes_an_adapter_if_it_may(alice, bob, toys, picture, role):
    require_roles(WRITES, role, alice, bob, toys, picture)
