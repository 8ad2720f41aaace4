"""Verbs of concepts, with every role."""

import pytest

from concepts.access import ROLES
from tests.concepts.verbs.roles import Writes, require_roles

OTHERS = {
    "concepts",
    "concept_names",
    "find_concept",
    "get_concept",
    "history",
    "concept_version",
    "removed_concepts",
    "catalogue",
    "page",
    "find_concepts",
    "find_version",
    "concepts_near",
    "image_counts",
    "seen_images",
    "generation",
    "same_pictures",
    "left_out",
    "blob",
}
WRITES: Writes = {
    "add_concept": ("editor", lambda it, at, had, image: it.add_concept(at, "max", "dog", [image])),
    "revise_concept": ("editor", lambda it, at, had, image: it.revise_concept(at, "rex", "cat", [image])),
    "rename_concept": ("editor", lambda it, at, had, image: it.rename_concept(at, "rex", "max")),
    "remove_concept": ("editor", lambda it, at, had, image: it.remove_concept(at, "rex")),
    "restore_concept": ("editor", lambda it, at, had, image: it.restore_concept(at, "gone")),
    "find_to_forget": ("editor", lambda it, at, had, image: it.find_to_forget(at, "rex")),
    "forget_concept": ("editor", lambda it, at, had, image: it.forget_concept(at, "rex")),
    "copy_concept": ("editor", lambda it, at, had, image: it.copy_concept(at, "rex", at, "max")),
}


@pytest.mark.parametrize("role", ROLES)
def test_a_role_changes_a_concept_if_it_may(alice, bob, toys, picture, role):
    require_roles(WRITES, role, alice, bob, toys, picture)
