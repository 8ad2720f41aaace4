"""Names of planned subjects that the library already has."""

from collections import Counter
from dataclasses import replace
from pathlib import PurePosixPath

from concepts.errors import ConceptExists
from concepts.names import name_key, shown
from concepts.printable import printable
from concepts.records import ConceptRecord
from lambda_studio.bundles.layouts.plan import NEW, PRESENT, TAKEN, Plan, PlannedSubject
from lambda_studio.workflows.answers import ImportedConcept
from lambda_studio.workflows.workplace import Workplace

CHOICES = "Give on_conflict=rename (rex comes in as rex-2), or on_conflict=skip (rex is left out)."


def with_states(place: Workplace, plan: Plan, leave_out: bool) -> Plan:
    """Return the plan with the state of each subject. With `leave_out` a concept may have fewer of its pictures."""
    library, keys = place.library, {name_key(subject.name) for subject in plan.subjects}
    with place.database.reading() as registry:
        names = [name for name in registry.concept_names(library) if name_key(name) in keys]
        known = {name_key(name): registry.find_concept(library, name) for name in names}
    states = [_state(each, known.get(name_key(each.name)), leave_out) for each in plan.subjects]
    subjects = (replace(each, state=state) for each, state in zip(plan.subjects, states, strict=True))
    return replace(plan, subjects=tuple(subjects))


def _state(subject: PlannedSubject, present: ConceptRecord | None, leave_out: bool) -> str:
    if present is None:
        return NEW
    planned = Counter(printable(PurePosixPath(picture.file).name) for picture in subject.pictures)
    there = Counter(image.source_name for image in present.images)
    same_files = there <= planned if leave_out else there == planned
    return PRESENT if same_files and present.noun == subject.noun else TAKEN


def refuse_taken(plan: Plan, library: str) -> None:
    """Raise ConceptExists with every planned name that the library has with other content."""
    names = [subject.name for subject in plan.subjects if subject.state == TAKEN]
    if names:
        listed = ", ".join(map(shown, names))
        cause = f"In library {shown(library)} these names have different content: {listed}."
        raise ConceptExists(cause, f"Nothing was imported. {CHOICES}")


def skipped_of(plan: Plan) -> tuple[ImportedConcept, ...]:
    """Return the results for the planned subjects whose names the library has."""
    skipped = [each for each in plan.subjects if each.state != NEW]
    return tuple(ImportedConcept(each.name, str(each.noun), "skipped", each.name) for each in skipped)
