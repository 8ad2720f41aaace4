"""Read the pictures of a plan: each is opened through the picture door, and its subject is found."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from concepts.records import NewImage, manifest
from lambda_studio.bundles.layouts.plan import NEW, Choices, Fault, Plan, PlannedSubject
from lambda_studio.pictures.masks.subject import is_doubtful
from lambda_studio.workflows.bundles.checking import why
from lambda_studio.workflows.bundles.incoming import Incoming
from lambda_studio.workflows.bundles.planning import left_out, planned, refuse
from lambda_studio.workflows.bundles.taken import refuse_taken
from lambda_studio.workflows.subjects.masks.segmenting import subject_finder
from lambda_studio.workflows.subjects.photos.photos import Reading, read_usable
from lambda_studio.workflows.subjects.photos.spool import SpooledImages, spool_in
from lambda_studio.workflows.subjects.photos.told import numbered, told_warnings
from lambda_studio.workflows.workplace import Workplace

OnPlan = Callable[[Plan], None]


@contextmanager
def open_folder(
    place: Workplace, source: Path, choices: Choices, on_plan: OnPlan, on_conflict: str = "fail"
) -> Iterator[tuple[list[Incoming], int, Plan]]:
    """Yield the concepts of a folder, list or ZIP file after reading every picture, their size in bytes, and the plan.

    `on_plan` is called with the plan before the first picture is decoded. With "skip", pictures of names that the
    library has are not opened. Raises BundleRefused with every fault, ConceptExists with every name that is taken.
    """
    with planned(place, source, choices, on_conflict) as (plan, root), spool_in(place.home) as spool:
        refuse(plan)
        on_plan(plan)
        if on_conflict == "fail":
            refuse_taken(plan, place.library)
        faults: list[Fault] = []
        wanted = [each for each in plan.subjects if each.state == NEW or on_conflict != "skip"]
        notes: dict[str, list[str]] = {each.folder: [] for each in wanted}
        read = [(each, spool.keep(_images(place, each, root, faults, notes[each.folder]))) for each in wanted]
        tried = replace(plan, faults=tuple(faults))
        if not choices.leave_out:
            refuse(tried)
        empty = {each.folder for each, images in read if not images}
        there = tuple(each for each in plan.subjects if each.folder not in empty)
        done = left_out(replace(tried, subjects=there)) if faults else plan
        yield [_incoming(each, images, notes[each.folder]) for each, images in read if images], spool.size, done


def _images(
    place: Workplace, subject: PlannedSubject, root: Path, faults: list[Fault], notes: list[str]
) -> Iterator[NewImage]:
    """Yield the images of a subject that can be used, and add a fault for each picture or mask that cannot.

    A note is added for each photo that the subject has twice.
    """

    def shown(path: Path) -> str:
        return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)

    def leave_out(path: Path, cause: str) -> None:
        faults.append(Fault(shown(path), why(path, cause.rstrip("."))))

    pairs = [(root / each.file, root / each.mask if each.mask else None) for each in subject.pictures]
    find = subject_finder(place, "auto", str(subject.noun))
    reading = Reading(place.door, place.progress, notes.append, shown)
    return read_usable(reading, pairs, find, leave_out)


def _incoming(subject: PlannedSubject, images: SpooledImages, notes: Sequence[str]) -> Incoming:
    noun = str(subject.noun)
    new = [(pair, each.source_name, each.warnings) for pair, each in zip(images.pairs, images, strict=True)]
    doubtful = sum(is_doubtful(warnings) for _, _, warnings in new)
    return Incoming(
        subject.name,
        noun,
        manifest(noun, images),
        lambda: images,
        notes=tuple(notes),
        told=lambda stored, with_alike: told_warnings(stored, numbered(stored, new), with_alike),
        looked_at=len(images),
        doubtful=doubtful,
    )
