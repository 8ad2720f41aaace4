"""What somebody sees of another's library, and what a role allows there."""

from functools import partial

import pytest

from concepts.access import ROLES
from concepts.database import Database
from concepts.errors import (
    AdapterNotFound,
    ConceptNotFound,
    ContentDamaged,
    LibraryNotFound,
    RunNotFound,
)
from concepts.records import MemberRecord


def share(alice: Database, role: str) -> None:
    with alice.transaction() as registry:
        registry.share_library("toys", "bob", role)


def test_what_is_not_shared_is_not_found_in_the_words_for_what_does_not_exist(alice, bob, toys):
    def refusal(name: str) -> str:
        with pytest.raises(LibraryNotFound) as refused, bob.reading() as registry:
            registry.concepts(name)
        return str(refused.value).replace(name, "NAME")

    assert refusal("alice/toys") == refusal("alice/nothing") == refusal("nobody/toys")
    assert "You have: 'default'." in refusal("toys")
    with bob.reading() as registry:
        assert registry.find_library("alice/toys") is None
        assert registry.find_run(toys["run"]) is None
        assert registry.feature("key") is None
        assert registry.catalogue([toys["rex"].id]) == [] and registry.image_counts() == {}
        assert list(registry.seen_images("image_embeds", "k", "y")) == []
        near = partial(registry.concepts_near, names=["rex"])
        named = partial(registry.find_concepts, names=["rex"])
        for of_a_library in (registry.page, near, named, registry.library_address, registry.library_stack):
            with pytest.raises(LibraryNotFound):
                of_a_library("alice/toys")
        with pytest.raises(ContentDamaged, match="No image, mask or original"):
            registry.blob(toys["sha"])
        with pytest.raises(AdapterNotFound):
            registry.get_adapter("default", toys["adapter"])
    with bob.transaction() as registry:
        assert not registry.put_feature("other", "image_embeds", b"evil", (1,), "float32", toys["sha"])
        assert "key" not in registry.computed_features()
        registry.drop_features(["key"])
        with pytest.raises(RunNotFound):
            registry.fail_run(toys["run"], "why not")
    with alice.reading() as registry:
        assert registry.features(["key"])["key"].data == b"1234", "what another cannot see, they cannot drop"


def test_a_reader_sees_and_uses_everything(alice, bob, toys):
    share(alice, "reader")
    with bob.transaction() as registry:
        library = registry.use_library("alice/TOYS")
        assert (library.address, library.role, library.current) == ("alice/toys", "reader", True)
        assert [each.address for each in registry.libraries()] == ["default", "alice/toys"]
        assert registry.current_library().address == "alice/toys"
        assert registry.get_concept("alice/toys", "rex").library == "alice/toys"
        assert registry.blob(toys["sha"]) == b"a"
        assert registry.feature("key").data == b"1234"
        assert (registry.library_address(), registry.library_address("alice/TOYS")) == ("alice/toys", "alice/toys")
        assert registry.library_stack("alice/toys") == library.stack
        assert registry.put_feature("mine", "image_embeds", b"5678", (1,), "float32", toys["sha"])
        assert {"key", "mine"} <= set(registry.computed_features())
        assert "mine" in registry.computed_features()
        registry.drop_features(["mine"])
        assert registry.features(["key", "mine"]).keys() == {"key"}
        assert registry.find_run(toys["run"]).library == "alice/toys"
        assert registry.adapters("alice/toys")[0].id == toys["adapter"]
        assert registry.members("alice/toys") == [MemberRecord("alice", "owner"), MemberRecord("bob", "reader")]
        with pytest.raises(ConceptNotFound, match="in library 'alice/toys'"):
            registry.get_concept("alice/toys", "max")
    with alice.reading() as registry:
        assert registry.get_concept("toys", "rex").library == "toys"
        assert registry.current_library().name == "default", "what bob uses is bob's matter"


def test_a_role_is_that_of_the_library_and_nobodys_where_it_is_not_shared(alice, bob, toys):
    def roles() -> list[str]:
        with bob.reading() as registry:
            return [each.role for each in registry.libraries()]

    assert roles() == ["owner"]
    for role in ROLES:
        share(alice, role)
        assert roles() == ["owner", role]
