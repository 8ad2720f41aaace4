"""Trainings are written down from start to end."""

import pytest

from concepts.errors import AdapterNotFound, RunNotFound


def test_a_run_is_written_down_from_start_to_end(database, rex_and_hat, add_adapter):
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


def test_a_run_takes_the_next_id_that_is_not_taken_and_later_runs_larger_ones(database, rex_and_hat):
    with database.transaction() as registry:
        first = registry.start_run("default", "finetune", {}, rex_and_hat)
        run = registry.start_run("default", "finetune", {}, rex_and_hat, lambda run_id: run_id < first + 3)
        later = registry.start_run("default", "finetune", {}, rex_and_hat)
        runs = registry.runs("default")
    assert (run, later) == (first + 3, first + 4)
    assert [(each.id, len(each.concepts)) for each in runs] == [(later, 2), (run, 2), (first, 2)]


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


def test_a_run_cannot_end_with_an_adapter_of_another_library(database, add_adapter):
    with database.transaction() as registry:
        registry.create_library("toys")
        run = registry.start_run("default", "finetune", {}, [])
        adapter = add_adapter(registry, [], library="toys")
        with pytest.raises(AdapterNotFound):
            registry.finish_run(run, adapter.id)


def test_runs_are_found_by_their_concept_and_by_their_number(database, rex_and_hat):
    with database.transaction() as registry:
        both = registry.start_run("default", "finetune", {}, rex_and_hat)
        rex = registry.start_run("default", "finetune", {}, rex_and_hat[:1])
        registry.finish_run(rex)
        ids = [registry.get_concept("default", name).id for name in ("rex", "hat")]
        assert [registry.runs_of_concept("default", each) for each in ids] == [
            {both: "running", rex: "finished"},
            {both: "running"},
        ]
        assert registry.runs_of_concept("default", 99) == {}
        assert registry.run_statuses([both, rex, 99]) == {both: "running", rex: "finished"}


def test_forgetting_fails_unfinished_runs_and_leaves_finished_ones(database, rex_and_hat):
    with database.transaction() as registry:
        both = registry.start_run("default", "finetune", {}, rex_and_hat)
        rex = registry.start_run("default", "finetune", {}, rex_and_hat[:1])
        registry.finish_run(rex)
        manifest = registry.get_concept("default", "rex").manifest
        done = registry.forget_concept("default", "rex")
        assert (done.runs, done.failed_runs, done.manifests) == ((both, rex), (both,), (manifest,))
        assert [(run.id, run.status, run.why) for run in registry.runs("default")] == [
            (rex, "finished", None),
            (both, "failed", "rex was forgotten."),
        ]
