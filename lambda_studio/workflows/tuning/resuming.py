"""Choose the unfinished run to resume."""

import shlex
from collections.abc import Sequence

from concepts.database import Database
from concepts.names import name_key
from concepts.records import FORGOTTEN, ConceptRecord, RunRecord, SeenConcept
from lambda_studio.config import FinetuneConfig
from lambda_studio.errors import InvalidSetting, ResumeRefused
from lambda_studio.training.checkpoints.resume import require_same
from lambda_studio.workflows.run_files import saved_step
from lambda_studio.workflows.tuning.earlier_settings import with_earlier
from lambda_studio.workflows.tuning.settings import require_known_settings, without_effect
from lambda_studio.workflows.tuning.starting import Start, earlier_version
from lambda_studio.workflows.tuning.unfinished import finetunings, unfinished_runs
from lambda_studio.workflows.workplace import Workplace


def resumed(place: Workplace, names: Sequence[str] | None, config: FinetuneConfig) -> tuple[Start, RunRecord]:
    """Return the unfinished run to resume, with its concepts, and with its settings for fields that were not given.

    Raises ConceptNotFound and ResumeRefused.
    """
    run = run_to_resume(place, names)
    before = run.settings["config"]
    try:
        begun = FinetuneConfig().preferring(before)
    except InvalidSetting as error:  # an earlier version took more
        cause = f"Run {run.id} was started with a setting that is refused now: {error.cause}"
        raise ResumeRefused(cause, f"Drop it: studio runs drop {run.id}") from error
    chosen = with_earlier(config, before, f"Run {run.id} was started", can_be_replaced=False)
    require_same(begun, chosen, config.given)
    step = saved_step(place.home, run.id) or 0
    if chosen.steps < step:
        cause = f"Run {run.id} is at step {step}, and steps is {chosen.steps}."
        raise ResumeRefused(cause, f"Give {step} or more.", "steps")
    concepts = concepts_of(place, run)
    if chosen.steps < begun.steps:
        place.notify(f"Run {run.id} was started for {begun.steps} steps, and ends now at step {chosen.steps}.")
    for said in without_effect(chosen):
        place.notify(said)
    return Start(concepts, chosen), run


def run_to_resume(place: Workplace, names: Sequence[str] | None) -> RunRecord:
    """Return the unfinished run to resume, and switch `place` to its stack.

    Args:
        names: the names of its concepts. None is all concepts of the library; an empty sequence is any concepts.

    Raises:
        ConceptNotFound, ResumeRefused.
    """
    wanted = None if names is not None and not names else place.named_or_all(names)
    library, named = place.library, place.spec.name if place.named_stack() else None
    with place.database.reading() as registry:
        runs = registry.runs(library)
    run = newest_unfinished(runs, wanted, named, library)
    require_known_settings(run)
    if named is None and place.spec.name != run.settings["stack"]:
        place.work_with(run.settings["stack_source"])
    return run


def require_unfinished(database: Database, run_id: int) -> None:
    """Raise ResumeRefused if the run has ended by now. Call it while the run is held."""
    with database.reading() as registry:
        run = registry.find_run(run_id)
    if run is None or run.status != "running":
        why = f": {run.why}" if run and run.why else "."
        raise ResumeRefused(f"Run {run_id} ended in the meantime{why}", "Start a new run without resume=True.")


def newest_unfinished(
    runs: Sequence[RunRecord], concepts: Sequence[ConceptRecord] | None, stack: str | None, library: str
) -> RunRecord:
    """Return the newest unfinished fine-tuning run of exactly these concepts (None: of any).

    Raises ResumeRefused if there is none, or if one of its concepts was removed since.
    """
    unfinished = unfinished_runs(runs, concepts, stack)
    if not unfinished:
        _refuse_forgotten(finetunings(runs, stack), concepts)
        of_these = f" of {', '.join(concept.name for concept in concepts)}" if concepts else ""
        with_this = f" with {stack}" if stack else ""
        cause = f"Library {library} has no unfinished run{of_these}{with_this}."
        raise ResumeRefused(cause, f"{_other_unfinished(runs, stack)}Start a run without resume=True.")
    run = unfinished[0]
    if removed := [seen.name for seen in run.concepts if seen.removed]:
        cause = f"Run {run.id} cannot be resumed: {', '.join(removed)} was removed since it started."
        way = f"Start a new run without resume=True, or restore: studio concepts restore {shlex.quote(removed[0])}"
        raise ResumeRefused(cause, way)
    return run


def _other_unfinished(runs: Sequence[RunRecord], stack: str | None) -> str:
    """Return what to give to resume the newest fine-tuning run that can be resumed, or nothing. `stack` was given."""
    tunings = (run for run in runs if run.kind == "finetune" and run.status == "running")
    other = next((run for run in tunings if not any(seen.removed for seen in run.concepts)), None)
    if other is None:
        return ""
    its = other.settings["stack"]
    another = f", with stack={other.settings.get('stack_source', its)}" if stack not in (None, its) else ""
    return f"To resume run {other.id}, name {', '.join(seen.name for seen in other.concepts)}{another}. "


def _refuse_forgotten(runs: Sequence[RunRecord], concepts: Sequence[ConceptRecord] | None) -> None:
    """Raise ResumeRefused if the newest run failed because one of its concepts was forgotten.

    With `concepts`, only if these are the run's other concepts.
    """
    run = runs[0] if runs else None
    if run is None or run.status != "failed" or not (run.why or "").endswith(FORGOTTEN):
        return
    # A version that was forgotten has no id, also if another concept has its name or content now.
    others = [seen.name for seen in run.concepts if seen.version_id is not None and not seen.removed]
    if concepts is None or {name_key(each.name) for each in concepts} == set(map(name_key, others)):
        new = f"studio finetune {shlex.join(others)}"
        remedy = f"Train the others in a new run: {new}" if others else f"Drop the run: studio runs drop {run.id}"
        raise ResumeRefused(f"Run {run.id} cannot be resumed: {run.why} Its checkpoints were deleted.", remedy)


def concepts_of(place: Workplace, run: RunRecord) -> list[ConceptRecord]:
    """Return the run's concepts in the versions that it began with, and tell which run goes on with what.

    Raises ResumeRefused if a version is gone, because another concept has the name now.
    """
    concepts = place.get_concepts([seen.name for seen in run.concepts if not seen.stale])
    known = {name_key(concept.name): concept for concept in concepts}
    found = [known.get(name_key(seen.name)) or _earlier(place, run, seen) for seen in run.concepts]
    names, step = ", ".join(seen.name for seen in run.concepts), saved_step(place.home, run.id)
    whence = f"goes on after step {step}" if step else "has no checkpoint, and begins again at step 1"
    place.notify(f"Run {run.id} ({names}) {whence}.")
    return found


def _earlier(place: Workplace, run: RunRecord, seen: SeenConcept) -> ConceptRecord:
    """Return the version of an edited concept that the run began with."""
    earlier = earlier_version(place, seen)
    if earlier is None:
        cause = f"Run {run.id} cannot be resumed: {seen.name} is another concept than when it started."
        raise ResumeRefused(cause, "Start a new run without resume=True.")
    present = place.get_concepts([seen.name])[0]
    place.notify(
        f"{seen.name} was edited since the run started. The run goes on with version {seen.version}; "
        f"version {present.version} is learnt by a new run."
    )
    return earlier
