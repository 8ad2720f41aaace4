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


def newer_unfinished(run: RunRecord, runs: Sequence[RunRecord], stack: str | None) -> int | None:
    """Return the number of the run that `--resume` goes on with in place of this one, or None. Newest runs are first.

    `stack` is the stack that the user named.
    """
    newest = next(iter(unfinished_runs(runs, run.concepts, stack)), run)
    return newest.id if newest.id > run.id else None


def _keys(concepts: Sequence[ConceptRecord | SeenConcept]) -> set[str]:
    return {name_key(concept.name) for concept in concepts}
