"""Every verb of the registry."""

from collections.abc import Callable

import pytest

from concepts.access import ROLES
from concepts.database import Database
from concepts.errors import (
    NotPermitted,
)
from concepts.registry import Registry

OTHERS = {
    *("libraries", "find_library", "get_library", "current_library", "catalogue", "members", "runs", "find_run"),
    *("concepts", "concept_names", "find_concept", "get_concept", "history", "concept_version", "removed_concepts"),
    *("adapters", "get_adapter", "blob", "feature", "features"),
    *("runs_of_concept", "run_statuses", "adapter_files_without_row"),  # reads, the last two of what a home's files say
    *(
        "page",
        "find_concepts",
        "concepts_near",
        "image_counts",
        "seen_images",
        "generation",
        "owns_library",
        "computed_features",
        "same_pictures",
    ),
    "left_out",
    *("library_address", "library_stack"),
    *("create_library", "use_library"),  # these write what is the user's own
    *("put_feature", "drop_features"),  # these what nobody made
}


def test_every_verb_of_the_registry_is_tried_with_every_role():
    verbs = {name for name in vars(Registry) if not name.startswith("_")}
    assert verbs == WRITES.keys() | OTHERS


def share(alice: Database, role: str) -> None:
    with alice.transaction() as registry:
        registry.share_library("toys", "bob", role)


class Undone(Exception):
    """Ends a transaction that leaves nothing."""


@pytest.mark.parametrize("role", ROLES)
def test_a_role_allows_what_it_allows_and_no_more(alice, bob, toys, picture, role):
    share(alice, role)
    with alice.transaction() as registry:
        registry.share_library("toys", "dora", "reader")
        registry.add_concept("toys", "gone", "hat", [picture("g")])
        registry.remove_concept("toys", "gone")
    for verb, (least, write) in WRITES.items():
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


WRITES: dict[str, tuple[str, Callable]] = {
    "add_concept": ("editor", lambda it, at, had, image: it.add_concept(at, "max", "dog", [image])),
    "revise_concept": ("editor", lambda it, at, had, image: it.revise_concept(at, "rex", "cat", [image])),
    "rename_concept": ("editor", lambda it, at, had, image: it.rename_concept(at, "rex", "max")),
    "remove_concept": ("editor", lambda it, at, had, image: it.remove_concept(at, "rex")),
    "restore_concept": ("editor", lambda it, at, had, image: it.restore_concept(at, "gone")),
    "find_to_forget": ("editor", lambda it, at, had, image: it.find_to_forget(at, "rex")),
    "forget_concept": ("editor", lambda it, at, had, image: it.forget_concept(at, "rex")),
    "copy_concept": ("editor", lambda it, at, had, image: it.copy_concept(at, "rex", at, "max")),
    "set_library_stack": ("editor", lambda it, at, had, image: it.set_library_stack(at, "kandinsky-2.2")),
    "start_run": ("editor", lambda it, at, had, image: it.start_run(at, "finetune", {}, [had["rex"].version_id])),
    "finish_run": ("editor", lambda it, at, had, image: it.finish_run(had["run"], had["adapter"])),
    "remove_run": ("editor", lambda it, at, had, image: it.remove_run(had["run"])),
    "continue_run": ("editor", lambda it, at, had, image: it.continue_run(had["run"], {})),
    "fail_run": ("editor", lambda it, at, had, image: it.fail_run(had["run"], "why")),
    "add_adapter": ("editor", lambda it, at, had, image: it.add_adapter(at, "cd" * 32, "f", "lora", "tiny", {}, [])),
    "derive_adapter": (
        "editor",
        lambda it, at, had, image: it.derive_adapter(at, "de" * 32, "lora", "tiny", {}, [had["adapter"]]),
    ),
    "remove_adapter": ("editor", lambda it, at, had, image: it.remove_adapter(at, had["adapter"])),
    "require_editor": ("editor", lambda it, at, had, image: it.require_editor(at)),
    "rename_library": ("owner", lambda it, at, had, image: it.rename_library(at, "games")),
    "remove_library": ("owner", lambda it, at, had, image: it.remove_library(at, agreed=True)),
    "share_library": ("owner", lambda it, at, had, image: it.share_library(at, "carol", "reader")),
    "unshare_library": ("owner", lambda it, at, had, image: it.unshare_library(at, "dora")),
}
