from datetime import UTC, datetime

import pytest

from concepts.errors import AdapterNotFound

SHA = "ab" * 32


def test_an_adapter_knows_what_it_saw(database, rex_and_hat, add_adapter):
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


def test_adapters_come_newest_first_and_the_same_bytes_made_again_are_newest(database, rex_and_hat, add_adapter):
    with database.transaction() as registry:
        first = add_adapter(registry, rex_and_hat)
        second = add_adapter(registry, rex_and_hat, "cd" * 32)
        assert [each.id for each in registry.adapters("default")] == [second.id, first.id]
        again = add_adapter(registry, rex_and_hat)
        assert [each.id for each in registry.adapters("default")] == [first.id, second.id]
    assert (again.id, again.concepts) == (first.id, first.concepts)


def test_removing_a_concept_says_which_adapters_saw_it_and_keeps_them(database, picture, rex_and_hat, add_adapter):
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


@pytest.mark.parametrize("unknown", [5, "5", "ab", "ffffffff", "%%%%%%%%", "x" * 100, ""])
def test_an_unknown_adapter_is_an_error_that_lists_those_there_are(database, rex_and_hat, unknown, add_adapter):
    with database.transaction() as registry:
        adapter = add_adapter(registry, rex_and_hat)
        with pytest.raises(AdapterNotFound, match=rf"It has: {adapter.id}\.") as refusal:
            registry.get_adapter("default", unknown)
    assert refusal.value.exit_code == 3


def test_a_list_of_adapters_that_is_cut_says_so(database, rex_and_hat, add_adapter):
    with database.transaction() as registry:
        newest = [add_adapter(registry, rex_and_hat, f"{number:064x}").id for number in range(12)][:1:-1]
        said = ", ".join(map(str, newest))
        with pytest.raises(AdapterNotFound, match=f"It has: {said} … List them with: studio adapters"):
            registry.get_adapter("default", "ghost")


def test_an_adapter_of_another_library_is_told_with_that_library(database, rex_and_hat, add_adapter):
    with database.transaction() as registry:
        registry.create_library("toys")
        adapter = add_adapter(registry, rex_and_hat)
        with pytest.raises(AdapterNotFound, match=r"It is in library 'default'\. Give --library 'default'\."):
            registry.get_adapter("toys", adapter.id)
        with pytest.raises(AdapterNotFound, match=r"It has none yet\. Make one: studio finetune NAME"):
            registry.get_adapter("toys", 99)


def test_a_prefix_of_two_adapters_is_neither(database, rex_and_hat, add_adapter):
    with database.transaction() as registry:
        add_adapter(registry, rex_and_hat, "ab" * 32)
        add_adapter(registry, rex_and_hat, "ab" * 31 + "cd")
        with pytest.raises(AdapterNotFound):
            registry.get_adapter("default", "abababab")


def test_an_adapters_file_may_go_when_no_library_has_it_any_more(database, rex_and_hat, add_adapter):
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


def test_files_that_no_adapter_of_any_library_has_are_told(database, rex_and_hat, add_adapter):
    with database.transaction() as registry:
        sha = add_adapter(registry, rex_and_hat).sha256
        assert registry.adapter_files_without_row([sha, "f" * 64]) == {"f" * 64}
        assert registry.adapter_files_without_row([]) == set()


def test_the_newest_adapter_is_the_newest_also_when_the_clock_was_set_back(
    database, rex_and_hat, add_adapter, monkeypatch
):
    clock = [datetime(2030, 1, 2, tzinfo=UTC), datetime(2030, 1, 1, tzinfo=UTC), datetime(2029, 1, 1, tzinfo=UTC)]
    monkeypatch.setattr("concepts.rows.training.adapters.now", lambda: clock.pop(0))
    with database.transaction() as registry:
        first, second = (add_adapter(registry, rex_and_hat, sha=2 * name * 32) for name in "ab")
        assert [each.id for each in registry.adapters("default")] == [second.id, first.id]
        again = add_adapter(registry, rex_and_hat, sha="a" * 64)
        assert [each.id for each in registry.adapters("default")] == [again.id, second.id]


def test_an_adapter_made_of_others_knows_every_version_that_they_know_once(database, rex_and_hat, add_adapter):
    with database.transaction() as registry:
        both = add_adapter(registry, rex_and_hat)
        hat = add_adapter(registry, rex_and_hat[1:], "cd" * 32)
        registry.forget_concept("default", "rex")
        made = registry.derive_adapter(
            "default", "ef" * 32, "full", "miniature", {"made_by": "merge"}, [hat.id, both.id]
        )
    assert (made.file_name, made.method, made.stack) == (f"{'ef' * 32}.safetensors", "full", "miniature")
    assert (made.settings, made.run_id) == ({"made_by": "merge"}, None)
    assert [(seen.name, seen.version_id, seen.forgotten) for seen in made.concepts] == [
        ("hat", rex_and_hat[1], False),
        ("rex", None, True),
    ]
    with database.transaction() as registry:
        assert registry.adapters("default")[0] == made, "the newest"
        with pytest.raises(AdapterNotFound):
            registry.derive_adapter("default", "aa" * 32, "full", "miniature", {}, [hat.id, 99])
