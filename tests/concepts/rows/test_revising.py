"""Versions: what was written stays, what comes next is checked against what was seen."""

import pytest

from concepts.errors import ConceptChanged, ConceptNotFound


@pytest.fixture
def three(database, picture):
    """rex in three versions, the second seen by an adapter."""
    with database.transaction() as registry:
        registry.add_concept("default", "rex", "dog", [picture("a")])
        second = registry.revise_concept("default", "rex", "dog", [picture("a"), picture("b")]).concept
        registry.add_adapter("default", "f" * 64, "f.safetensors", "lora", "miniature", {}, [second.version_id])
        registry.revise_concept("default", "rex", "wolf", [picture("b", None)])
    return database


def test_a_history_tells_every_version_and_who_saw_it(three):
    with three.reading() as registry:
        history = registry.history("default", "REX")
        adapter = registry.adapters("default")[0].id
        versions = [registry.concept_version("default", "rex", number) for number in (3, 2, 1)]
    told = [(each.number, each.noun, each.image_count, each.adapters) for each in history]
    assert told == [(3, "wolf", 1, ()), (2, "dog", 2, (adapter,)), (1, "dog", 1, ())]
    assert [each.manifest for each in history] == [version.manifest for version in versions]
    assert [each.version_id for each in history] == [version.version_id for version in versions]
    assert history[0].created_at >= history[2].created_at


def test_an_earlier_version_is_as_it_was(three):
    with three.reading() as registry:
        first, present = registry.concept_version("default", "rex", 1), registry.get_concept("default", "rex")
        assert registry.blob(first.images[0].sha) == b"a"
    assert (first.noun, first.version, len(first.images)) == ("dog", 1, 1)
    assert (present.noun, present.version, present.images[0].mask_sha) == ("wolf", 3, None)


@pytest.mark.parametrize("number", [0, 4, -1])
def test_a_version_that_is_not_there_is_told_with_those_that_are(three, number):
    with three.reading() as registry, pytest.raises(ConceptNotFound) as refusal:
        registry.concept_version("default", "rex", number)
    assert refusal.value.cause == f"'rex' has no version {number}; it has 1 to 3."
    assert refusal.value.remedy == "See them with: studio concepts history rex"
    with three.reading() as registry, pytest.raises(ConceptNotFound):
        registry.history("default", "nobody")


def test_a_revision_of_what_somebody_changed_meanwhile_is_refused(three, picture):
    with three.transaction() as registry, pytest.raises(ConceptChanged) as refusal:
        registry.revise_concept("default", "rex", "dog", [picture("c")], expected=2)
    assert refusal.value.cause == "'rex' was changed meanwhile: it has version 3 now, not 2."
    assert refusal.value.exit_code == 4
    with three.transaction() as registry:
        assert registry.get_concept("default", "rex").version == 3
        assert registry.revise_concept("default", "rex", "dog", [picture("c")], expected=3).concept.version == 4
