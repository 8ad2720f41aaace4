"""Names of planned subjects that the library already has."""

from collections import Counter
from dataclasses import replace
from pathlib import Path, PurePosixPath

from concepts.errors import ConceptExists
from concepts.names import name_key, shown
from concepts.printable import printable
from concepts.records import ConceptRecord
from lambda_studio.bundles.layouts.plan import NEW, PRESENT, TAKEN, Plan, PlannedPicture, PlannedSubject
from lambda_studio.errors import ImageRefused
from lambda_studio.pictures.files.png import encode_png, sha256
from lambda_studio.workflows.answers.bundles import ImportedConcept
from lambda_studio.workflows.workplace import Workplace

CHOICES = "Give on_conflict=rename (rex comes in as rex-2), or on_conflict=skip (rex is left out)."


def with_states(place: Workplace, plan: Plan, root: Path, leave_out: bool) -> Plan:
    """Return the plan with the state of each subject, whose pictures are under `root`.

    With `leave_out` a concept may have fewer of its pictures; else it may lack only those that are copies of others.
    """
    library, keys = place.library, {name_key(subject.name) for subject in plan.subjects}
    with place.database.reading() as registry:
        names = [name for name in registry.concept_names(library) if name_key(name) in keys]
        known = {name_key(name): registry.find_concept(library, name) for name in names}
    found = ((each, known.get(name_key(each.name))) for each in plan.subjects)
    with_state = (replace(each, state=_state(place, each, present, root, leave_out)) for each, present in found)
    return replace(plan, subjects=tuple(with_state))


def _state(
    place: Workplace, subject: PlannedSubject, present: ConceptRecord | None, root: Path, leave_out: bool
) -> str:
    if present is None:
        return NEW
    planned = Counter(_name(picture) for picture in subject.pictures)
    there = Counter(image.source_name for image in present.images)
    if present.noun != subject.noun or not there <= planned:
        return TAKEN
    more = planned - there
    files = [root / picture.file for picture in subject.pictures if _name(picture) in more]
    return PRESENT if leave_out or all(_has_picture(place, present, file) for file in files) else TAKEN


def _name(picture: PlannedPicture) -> str:
    return printable(PurePosixPath(picture.file).name)


def _has_picture(place: Workplace, present: ConceptRecord, file: Path) -> bool:
    """Return whether a concept has the picture in a file, under whatever name. The file is opened."""
    try:
        sha = sha256(encode_png(place.door.photo(file).image))
    except ImageRefused:
        return False
    return any(image.sha == sha for image in present.images)


def is_taken(plan: Plan) -> bool:
    """Return whether the library has a planned name with other content."""
    return any(subject.state == TAKEN for subject in plan.subjects)


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
