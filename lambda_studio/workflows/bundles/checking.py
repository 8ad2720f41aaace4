"""Check the files of a plan before the first picture is decoded: what is cut off or damaged is told with the rest."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from lambda_studio.bundles.layouts.plan import NEW, Fault, Plan, PlannedPicture, PlannedSubject
from lambda_studio.errors import ImageRefused
from lambda_studio.pictures.files.refusals import named
from lambda_studio.workflows.workplace import Workplace

A_MASK = "(a mask) "


def checked(place: Workplace, plan: Plan, root: Path) -> Plan:
    """Return the plan with a fault for each picture or mask of a new subject that is refused by its structure.

    They are no longer among the subject's pictures. Pictures of a name that the library has are not looked at.
    """
    faults: dict[str, Fault] = {}
    pictures = [picture for each in plan.subjects if each.state == NEW for picture in each.pictures]
    with place.progress("Checking the files", total=len(pictures)) as advance:
        for picture in pictures:
            faults |= {fault.where: fault for fault in _faults(place, picture, root)}
            advance()
    subjects = tuple(_without(each, faults) for each in plan.subjects) if faults else plan.subjects
    usable = tuple(each for each in subjects if each.pictures)
    return replace(plan, subjects=usable, faults=(*plan.faults, *faults.values()))


def _faults(place: Workplace, picture: PlannedPicture, root: Path) -> Iterator[Fault]:
    for file, what in ((picture.file, ""), (picture.mask, A_MASK)):
        if file is None:
            continue
        try:
            place.door.check(root / file)
        except ImageRefused as error:
            yield Fault(file, what + why(root / file, error.cause.rstrip(".")))


def _without(subject: PlannedSubject, faults: dict[str, Fault]) -> PlannedSubject:
    usable = (picture for picture in subject.pictures if picture.file not in faults)
    kept = (replace(each, mask=None) if each.mask in faults else each for each in usable)
    return replace(subject, pictures=tuple(kept))


def why(path: Path, cause: str) -> str:
    """Return the cause of a refusal without the path that it begins with."""
    for prefix, lead in ((f"The mask {path} ", A_MASK), (f"The mask {named(path)} ", A_MASK)):
        if cause.startswith(prefix):
            return lead + cause.removeprefix(prefix)
    return cause.removeprefix(f"{named(path)} ")
