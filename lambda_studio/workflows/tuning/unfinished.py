"""Fine-tuning runs that are not finished, and which of them `--resume` goes on with."""

from collections.abc import Sequence

from concepts.names import name_key
from concepts.records import ConceptRecord, RunRecord, SeenConcept


def finetunings(runs: Sequence[RunRecord], stack: str | None) -> list[RunRecord]:
    """Return the fine-tuning runs on this stack (None: on any), in the same order."""
    return [run for run in runs if run.kind == "finetune" and stack in (None, run.settings.get("stack"))]


def unfinished_runs(
    runs: Sequence[RunRecord], concepts: Sequence[ConceptRecord | SeenConcept] | None, stack: str | None
) -> list[RunRecord]:
    """Return the unfinished fine-tuning runs of exactly these concepts (None: of any), in the same order."""
    unfinished = [run for run in finetunings(runs, stack) if run.status == "running"]
    return [run for run in unfinished if concepts is None or _keys(run.concepts) == _keys(concepts)]


def newer_unfinished(run: RunRecord, runs: Sequence[RunRecord]) -> int | None:
    """Return the number of the run that is resumed in place of this one, or None. Newest runs are first.

    It is on the same stack: one on another stack is left aside if this run's stack is named.
    """
    newest = next(iter(unfinished_runs(runs, run.concepts, run.settings.get("stack"))), run)
    return newest.id if newest.id > run.id else None


def needs_stack(run: RunRecord, runs: Sequence[RunRecord]) -> bool:
    """Return whether the run's stack must be named to resume it. Newest runs are first."""
    newest = next(iter(unfinished_runs(runs, run.concepts, None)), run)
    return newest.settings.get("stack") != run.settings.get("stack")


def _keys(concepts: Sequence[ConceptRecord | SeenConcept]) -> set[str]:
    return {name_key(concept.name) for concept in concepts}
