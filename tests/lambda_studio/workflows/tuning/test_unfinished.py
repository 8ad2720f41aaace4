"""The unfinished runs, and the one that is resumed in place of another."""

from datetime import datetime

from concepts.records import RunRecord, SeenConcept
from lambda_studio.workflows.tuning.unfinished import finetunings, needs_stack, newer_unfinished, unfinished_runs

DAY = datetime(2026, 1, 1)


def run(number: int, *names: str, kind="finetune", status="running", stack="tiny"):
    seen = tuple(SeenConcept(name, 1, 1, "m", False, False) for name in names)
    return RunRecord(number, "default", kind, status, {"stack": stack}, None, None, DAY, None, seen)


RUNS = [
    run(7, "rex", kind="prior"), run(6, "rex", status="finished"), run(5, "rex", "hat"),
    run(4, "rex", stack="other"), run(3, "REX"), run(2, "rex"), run(1, "hat"),
]  # fmt: skip


def numbers(runs) -> list[int]:
    return [each.id for each in runs]


def test_unfinished_runs_are_of_the_same_concepts_and_stack() -> None:
    assert numbers(finetunings(RUNS, "tiny")) == [6, 5, 3, 2, 1]
    assert numbers(unfinished_runs(RUNS, None, None)) == [5, 4, 3, 2, 1]
    assert numbers(unfinished_runs(RUNS, RUNS[-2].concepts, None)) == [4, 3, 2]
    assert numbers(unfinished_runs(RUNS, RUNS[-2].concepts, "tiny")) == [3, 2]


def test_a_newer_run_of_the_same_concepts_is_resumed_in_place_of_an_older_one() -> None:
    assert [newer_unfinished(each, RUNS) for each in RUNS[2:]] == [None, None, None, 3, None]


def test_a_stack_is_named_where_a_newer_run_is_on_another() -> None:
    assert [needs_stack(each, RUNS) for each in RUNS[2:]] == [False, False, True, True, False]
    assert not needs_stack(RUNS[1], [])
