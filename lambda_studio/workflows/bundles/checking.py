"""Check the files of a plan: an import names what is cut off before it decodes a picture; a dry run decodes each."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from lambda_studio.bundles.layouts.plan import NEW, Fault, Plan, PlannedPicture, PlannedSubject
from lambda_studio.errors import ImageRefused, MaskRefused
from lambda_studio.pictures.files.refusals import named
from lambda_studio.pictures.masks.subject import load_mask
from lambda_studio.workflows.workplace import Workplace

A_MASK = "(a mask) "


Check = Callable[[Workplace, PlannedPicture, Path], Iterator[Fault]]
"""Yields the faults of a picture and its mask, whose paths are in a folder."""


def checked(place: Workplace, plan: Plan, root: Path, check: Check, skips: bool = False) -> Plan:
    """Return the plan with a fault for each picture or mask that `check` finds unusable.

    They are no longer among the subject's pictures. Of an import that `skips` names that the library has, the pictures
    of these are not looked at.
    """
    faults: dict[str, Fault] = {}
    pictures = [picture for each in plan.subjects if each.state == NEW or not skips for picture in each.pictures]
    with place.progress("Checking the files", total=len(pictures)) as advance:
        for picture in pictures:
            faults |= {fault.where: fault for fault in check(place, picture, root)}
            advance()
    subjects = tuple(_without(each, faults) for each in plan.subjects) if faults else plan.subjects
    usable = tuple(each for each in subjects if each.pictures)
    return replace(plan, subjects=usable, faults=(*plan.faults, *faults.values()))


def by_structure(place: Workplace, picture: PlannedPicture, root: Path) -> Iterator[Fault]:
    """Yield the faults that headers, structure and checksums show. No whole picture is decoded."""
    for file, what in ((picture.file, ""), (picture.mask, A_MASK)):
        if file is None:
            continue
        try:
            place.door.check(root / file)
        except ImageRefused as error:
            yield Fault(file, what + why(root / file, error.cause.rstrip(".")))


def by_opening(place: Workplace, picture: PlannedPicture, root: Path) -> Iterator[Fault]:
    """Yield the faults that an import finds when it opens the picture and its mask. No subject is looked for."""
    mask = picture.mask and root / picture.mask
    try:
        photo = place.door.photo(root / picture.file)
        if mask:
            load_mask(mask, photo.image.size, place.door.mask_file, photo.turned)
    except ImageRefused as error:
        yield Fault(picture.file, why(root / picture.file, error.cause.rstrip(".")))
    except MaskRefused as error:
        yield Fault(str(picture.mask), why(Path(mask or ""), error.cause.rstrip(".")))


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
