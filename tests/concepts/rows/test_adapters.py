import pytest

from concepts.errors import AdapterNotFound, ConceptNotFound, RunNotFound

SHA = "ab" * 32


@pytest.fixture
def rex_and_hat(database, picture) -> tuple[int, int]:
    """The version ids of two concepts in the library default."""
    with database.transaction() as registry:
        rex = registry.add_concept("default", "rex", "dog", [picture("a")]).concept
        hat = registry.add_concept("default", "hat", "hat", [picture("b")]).concept
    return rex.version_id, hat.version_id


def add_adapter(registry, versions, sha=SHA, run_id=None, library="default"):
    return registry.add_adapter(
        library, sha, f"{sha}.safetensors", "lora", "miniature", {"rank": 4}, versions, run_id=run_id
    )


def test_a_run_is_written_down_from_start_to_end(database, rex_and_hat):
    with database.transaction() as registry:
        run_id = registry.start_run("default", "finetune", {"steps": 400}, rex_and_hat)
        begun = registry.find_run(run_id)
    assert (begun.id, begun.library, begun.kind, begun.status) == (run_id, "default", "finetune", "running")
    assert (begun.settings, begun.why, begun.adapter_id, begun.ended_at) == ({"steps": 400}, None, None, None)
    assert [(seen.name, seen.version, seen.version_id) for seen in begun.concepts] == [
        ("rex", 1, rex_and_hat[0]),
        ("hat", 1, rex_and_hat[1]),
    ]
    with database.transaction() as registry:
        adapter = add_adapter(registry, rex_and_hat, run_id=run_id)
        registry.finish_run(run_id, adapter.id)
        (ended,) = registry.runs("default")
    assert (ended.status, ended.adapter_id, adapter.run_id) == ("finished", adapter.id, run_id)
    assert ended.started_at == begun.started_at <= ended.ended_at


def test_a_failed_run_says_why(database):
    with database.transaction() as registry:
        first = registry.start_run("default", "finetune", {}, [])
        second = registry.start_run("default", "finetune", {}, [])
        registry.fail_run(first, "The loss is not a number at step 12.")
        runs = registry.runs("default")
    assert [(run.id, run.status, run.why) for run in runs] == [
        (second, "running", None),
        (first, "failed", "The loss is not a number at step 12."),
    ]


def test_an_unknown_run_is_an_error(database):
    with database.transaction() as registry:
        assert registry.find_run(7) is None
        with pytest.raises(RunNotFound, match="No run has the number 7") as refusal:
            registry.finish_run(7)
        with pytest.raises(RunNotFound):
            registry.fail_run(7, "why")
    assert refusal.value.exit_code == 3


def test_an_adapter_knows_what_it_saw(database, rex_and_hat):
    with database.transaction() as registry:
        adapter = add_adapter(registry, rex_and_hat)
        assert registry.adapters("default") == [adapter]
        assert registry.get_adapter("default", adapter.id) == adapter
        assert registry.get_adapter("default", str(adapter.id)) == adapter
        assert registry.get_adapter("default", SHA[:8]) == adapter
        rex = registry.get_concept("default", "rex")
    assert (adapter.library, adapter.sha256, adapter.file_name) == ("default", SHA, f"{SHA}.safetensors")
    assert (adapter.method, adapter.stack, adapter.settings) == ("lora", "miniature", {"rank": 4})
    assert [(seen.name, seen.version) for seen in adapter.concepts] == [("rex", 1), ("hat", 1)]
    assert not adapter.stale
    assert adapter.knows([rex.manifest])
    assert not adapter.knows([rex.manifest, "0" * 64])


def test_adapters_come_newest_first_and_the_same_bytes_made_again_are_newest(database, rex_and_hat):
    with database.transaction() as registry:
        first = add_adapter(registry, rex_and_hat)
        second = add_adapter(registry, rex_and_hat, "cd" * 32)
        assert [each.id for each in registry.adapters("default")] == [second.id, first.id]
        again = add_adapter(registry, rex_and_hat)
        assert [each.id for each in registry.adapters("default")] == [first.id, second.id]
    assert (again.id, again.concepts) == (first.id, first.concepts)


def test_an_adapter_is_stale_for_the_concept_that_changed_and_for_no_other(database, picture, rex_and_hat):
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


def test_renaming_makes_no_adapter_stale(database, rex_and_hat):
    with database.transaction() as registry:
        add_adapter(registry, rex_and_hat)
        registry.rename_concept("default", "rex", "max")
        (adapter,) = registry.adapters("default")
    assert not adapter.stale
    assert [seen.name for seen in adapter.concepts] == ["max", "hat"]


def test_removing_a_concept_says_which_adapters_saw_it_and_keeps_them(database, picture, rex_and_hat):
    with database.transaction() as registry:
        saw = add_adapter(registry, rex_and_hat)
        add_adapter(registry, rex_and_hat[1:], "cd" * 32)
        removed = registry.remove_concept("default", "rex")
        kept = registry.get_adapter("default", saw.id)
    assert removed.adapters == (saw,)
    assert [(seen.name, seen.version_id, seen.stale, seen.removed, seen.forgotten) for seen in kept.concepts] == [
        ("rex", rex_and_hat[0], False, True, False),
        ("hat", rex_and_hat[1], False, False, False),
    ]
    assert not kept.stale


def test_what_saw_a_forgotten_concept_still_says_its_name_version_and_manifest(database, rex_and_hat):
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


def test_an_adapter_of_a_concept_that_was_removed_while_it_was_tuned_is_registered(database, rex_and_hat):
    with database.transaction() as registry:
        run = registry.start_run("default", "finetune", {}, rex_and_hat)
        registry.rename_concept("default", "rex", "max")
        registry.remove_concept("default", "max")
        adapter = add_adapter(registry, rex_and_hat, run_id=run)
    assert [(seen.name, seen.removed) for seen in adapter.concepts] == [("max", True), ("hat", False)]


def test_a_concept_added_again_is_known_by_its_content(database, picture, rex_and_hat):
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


def test_versions_of_another_library_or_none_cannot_be_seen(database, rex_and_hat):
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


@pytest.mark.parametrize("unknown", [5, "5", "ab", "ffffffff", "%%%%%%%%", "x" * 100, ""])
def test_an_unknown_adapter_is_an_error_that_lists_those_there_are(database, rex_and_hat, unknown):
    with database.transaction() as registry:
        adapter = add_adapter(registry, rex_and_hat)
        with pytest.raises(AdapterNotFound, match=rf"There is: {adapter.id}\.") as refusal:
            registry.get_adapter("default", unknown)
    assert refusal.value.exit_code == 3


def test_a_prefix_of_two_adapters_is_neither(database, rex_and_hat):
    with database.transaction() as registry:
        add_adapter(registry, rex_and_hat, "ab" * 32)
        add_adapter(registry, rex_and_hat, "ab" * 31 + "cd")
        with pytest.raises(AdapterNotFound):
            registry.get_adapter("default", "abababab")


def test_an_adapters_file_may_go_when_no_library_has_it_any_more(database, rex_and_hat):
    with database.transaction() as registry:
        registry.create_library("toys")
        run = registry.start_run("default", "finetune", {}, rex_and_hat)
        first = add_adapter(registry, rex_and_hat, run_id=run)
        second = add_adapter(registry, [], library="toys")
        removed = registry.remove_adapter("default", first.id)
        assert (removed.adapter, removed.file_unused) == (first, False)
        assert registry.remove_adapter("toys", second.id).file_unused
        assert registry.find_run(run).adapter_id is None
        assert add_adapter(registry, []).id > second.id, "a removed adapter's number is not given to another"


def test_a_run_cannot_end_with_an_adapter_of_another_library(database):
    with database.transaction() as registry:
        registry.create_library("toys")
        run = registry.start_run("default", "finetune", {}, [])
        adapter = add_adapter(registry, [], library="toys")
        with pytest.raises(AdapterNotFound):
            registry.finish_run(run, adapter.id)
