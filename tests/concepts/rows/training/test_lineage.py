"""Which versions a run or an adapter saw, and what became of them since."""

import pytest

from concepts.errors import ConceptNotFound


def test_an_adapter_is_stale_for_the_concept_that_changed_and_for_no_other(database, picture, rex_and_hat, add_adapter):
    with database.transaction() as registry:
        add_adapter(registry, rex_and_hat)
        registry.revise_concept("default", "rex", "dog", [picture("a"), picture("c")])
        (adapter,) = registry.adapters("default")
        assert adapter.stale
        assert [(seen.name, seen.version, seen.stale, seen.removed) for seen in adapter.concepts] == [
            ("rex", 1, True, False),
            ("hat", 1, False, False),
        ]
        registry.revise_concept("default", "rex", "dog", [picture("a")])
        assert not registry.adapters("default")[0].stale


def test_renaming_makes_no_adapter_stale(database, rex_and_hat, add_adapter):
    with database.transaction() as registry:
        add_adapter(registry, rex_and_hat)
        registry.rename_concept("default", "rex", "max")
        (adapter,) = registry.adapters("default")
    assert not adapter.stale
    assert [seen.name for seen in adapter.concepts] == ["max", "hat"]


def test_what_saw_a_forgotten_concept_still_says_its_name_version_and_manifest(database, rex_and_hat, add_adapter):
    with database.transaction() as registry:
        run = registry.start_run("default", "finetune", {}, rex_and_hat)
        saw = add_adapter(registry, rex_and_hat, run_id=run)
        forgotten = registry.forget_concept("default", "rex")
        kept, ran = registry.get_adapter("default", saw.id), registry.find_run(run)
    assert forgotten.adapters == (saw,)
    for seen, before in ((kept.concepts[0], saw.concepts[0]), (ran.concepts[0], saw.concepts[0])):
        assert (seen.name, seen.version, seen.manifest) == ("rex", 1, before.manifest)
        assert (seen.version_id, seen.stale, seen.removed, seen.forgotten) == (None, False, True, True)
    assert [seen.forgotten for seen in kept.concepts] == [True, False]


def test_an_adapter_of_a_concept_that_was_removed_while_it_was_tuned_is_registered(database, rex_and_hat, add_adapter):
    with database.transaction() as registry:
        run = registry.start_run("default", "finetune", {}, rex_and_hat)
        registry.rename_concept("default", "rex", "max")
        registry.remove_concept("default", "max")
        adapter = add_adapter(registry, rex_and_hat, run_id=run)
    assert [(seen.name, seen.removed) for seen in adapter.concepts] == [("max", True), ("hat", False)]


def test_a_concept_added_again_is_known_by_its_content(database, picture, rex_and_hat, add_adapter):
    with database.transaction() as registry:
        add_adapter(registry, rex_and_hat)
        registry.remove_concept("default", "rex")
        registry.add_concept("default", "max", "dog", [picture("a")])
        seen = registry.adapters("default")[0].concepts[0]
        assert (seen.name, seen.stale, seen.removed) == ("max", False, False)
        registry.remove_concept("default", "max")
        registry.add_concept("default", "Rex", "dog", [picture("other")])
        seen = registry.adapters("default")[0].concepts[0]
        assert (seen.name, seen.stale, seen.removed) == ("rex", True, False)


def test_versions_of_another_library_or_none_cannot_be_seen(database, rex_and_hat, add_adapter):
    with database.transaction() as registry:
        registry.create_library("toys")
    for library, versions in (("toys", rex_and_hat), ("default", [999])):
        with pytest.raises(ConceptNotFound) as refusal, database.transaction() as registry:
            registry.start_run(library, "finetune", {}, versions)
        assert refusal.value.cause == f"No concept version with the id {versions[0]} is in library '{library}'."
        with pytest.raises(ConceptNotFound), database.transaction() as registry:
            add_adapter(registry, versions, library=library)
    with database.reading() as registry:
        assert registry.runs("default") == registry.adapters("default") == []
