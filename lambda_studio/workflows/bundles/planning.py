"""The plan of an import of pictures: what a layout says, with the user's choices, checked names and nouns."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path, PurePosixPath

from concepts.errors import ConceptError
from concepts.names import check_name, check_noun, name_key
from concepts.printable import printable
from lambda_studio.bundles.layouts.files import zips
from lambda_studio.bundles.layouts.nouns import NOT_A_SUBJECT
from lambda_studio.bundles.layouts.plan import Choices, Fault, LeftAside, Plan, PlannedSubject, holds
from lambda_studio.bundles.layouts.planning import make_plan, root_of
from lambda_studio.config import require
from lambda_studio.errors import BundleRefused
from lambda_studio.workflows.bundles.checking import Check, by_structure, checked
from lambda_studio.workflows.bundles.taken import with_states
from lambda_studio.workflows.workplace import Workplace

LAYOUTS = (
    "Give a folder with a subfolder for each subject, or with a list like concepts_list.json, or a ZIP file of either."
)
LEAVE_OUT = "import the rest with leave_out=True"
MOST_FAULTS = 30


@contextmanager
def planned(
    place: Workplace, source: Path, choices: Choices, on_conflict: str = "fail", check: Check = by_structure
) -> Iterator[tuple[Plan, Path]]:
    """Yield the plan for a folder, list or ZIP file of pictures, and the folder that its paths are in.

    `check` looks at each picture that an import with `on_conflict` would open.

    Raises BundleRefused if the source has no subjects, InvalidSetting for nouns of subjects that are not there.
    """
    look = partial(checked, place, check=check, skips=on_conflict == "skip")
    if not source.is_dir() and source.suffix.lower() != ".json" and zips.has_pictures(source):
        with zips.unpacked(source, place.home, place.database.store.require_room) as folder:
            plan = make_plan(source, folder.root, choices)
            whole = replace(plan, faults=(*folder.faults, *plan.faults))
            yield _made(place, whole, folder.root, choices, look), folder.root
    else:
        root = root_of(source)
        yield _made(place, make_plan(source, root, choices), root, choices, look), root


def _made(place: Workplace, plan: Plan, root: Path, choices: Choices, look: Callable[[Plan, Path], Plan]) -> Plan:
    """Return the plan with the user's choices, the states of its subjects, and files that cannot be used as faults."""
    known = with_states(place, chosen(plan, choices), root, choices.leave_out)
    tried = look(known, root)
    return left_out(tried) if choices.leave_out and tried.faults else tried


def chosen(plan: Plan, choices: Choices) -> Plan:
    """Return the plan with the user's nouns, and with faults for names and nouns that cannot be.

    With `leave_out`, nothing in it is a fault: all of that is left aside.
    """
    subjects = _with_nouns(plan.subjects, choices.nouns)
    usable = tuple(each for each in subjects if each.pictures)
    faults = [*plan.faults, *_faults(usable)]
    if not usable and not faults:
        raise BundleRefused(f"{plan.source} has no pictures of a subject{holds(plan)}.", LAYOUTS)
    checked = replace(plan, subjects=usable, faults=tuple(faults))
    return left_out(checked) if choices.leave_out else checked


def left_out(plan: Plan) -> Plan:
    """Return the plan without what cannot be used. Raises BundleRefused if nothing is left."""
    bad = {each.folder for each in plan.subjects if _subject_fault(each)}
    bad |= {each.folder for each in _duplicates(plan.subjects)}
    subjects = tuple(each for each in plan.subjects if each.folder not in bad)
    if not subjects:
        raise BundleRefused(told(plan), "Nothing is left to import. " + _remedies(plan))
    return replace(plan, subjects=subjects, left_aside=(*plan.left_aside, *_together(plan.faults)), faults=())


def _together(faults: Iterable[Fault]) -> list[LeftAside]:
    """Return faults as files left aside, those of one folder and reason together."""
    names: dict[tuple[str, str], list[str]] = {}
    for fault in faults:
        path = PurePosixPath(fault.where)
        names.setdefault((str(path.parent), fault.why), []).append(path.name)
    return [LeftAside(folder, tuple(files), why) for (folder, why), files in names.items()]


def refuse(plan: Plan) -> None:
    """Raise BundleRefused with every fault of a plan, if it has any."""
    if plan.faults:
        raise BundleRefused(told(plan), f"Nothing was imported. {_remedies(plan)} Or {LEAVE_OUT}.")


def told(plan: Plan) -> str:
    """Return a message with the faults of a plan, one a line; a long list is cut."""
    if len(plan.faults) == 1:
        return printable(f"{plan.source} cannot be imported: {plan.faults[0]}.")
    alike = _remedies_alike(plan)
    shown = [str(each) if alike or not each.remedy else f"{each} → {each.remedy}" for each in plan.faults[:MOST_FAULTS]]
    more = len(plan.faults) - len(shown)
    lines = [f"{plan.source} cannot be imported, for {len(plan.faults)} reasons:", *shown]
    return "\n  - ".join(map(printable, [*lines, *([f"and {more} more"] if more else [])]))


def _remedies(plan: Plan) -> str:
    """Return the remedy of all faults; if they have several, `told` has each behind its own fault."""
    return (_remedies_alike(plan) and plan.faults[0].remedy) or "Correct or remove these files."


def _remedies_alike(plan: Plan) -> bool:
    return len({fault.remedy for fault in plan.faults}) == 1


def _with_nouns(subjects: tuple[PlannedSubject, ...], nouns: Mapping[str, str]) -> list[PlannedSubject]:
    wanted = {name_key(name.strip()): noun for name, noun in nouns.items()}
    known = {name_key(each.name) for each in subjects}
    strange = [name for name in nouns if name_key(name.strip()) not in known]
    there = ", ".join(each.name for each in subjects[:20])
    require(not strange, f"There is no subject {strange and strange[0]!r} to give a noun.", f"There are: {there}.")
    given = [(each, wanted.get(name_key(each.name))) for each in subjects]
    return [_with_noun(each, noun) if noun else each for each, noun in given]


def _with_noun(subject: PlannedSubject, noun: str) -> PlannedSubject:
    return replace(subject, noun=noun, noun_from="given", is_guess=False, may_be_name=False)


def _faults(subjects: Sequence[PlannedSubject]) -> Iterator[Fault]:
    for each in subjects:
        if fault := _subject_fault(each):
            yield fault
    for each in _duplicates(subjects):
        cause = f"gives the name {each.name!r} again"
        yield Fault(each.folder, cause, "Rename one of the folders of one name.")


def _duplicates(subjects: Sequence[PlannedSubject]) -> list[PlannedSubject]:
    """Return the subjects whose names earlier ones have."""
    seen: Counter[str] = Counter()
    again = []
    for each in subjects:
        if seen[name_key(each.name)]:
            again.append(each)
        seen[name_key(each.name)] += 1
    return again


def _subject_fault(subject: PlannedSubject) -> Fault | None:
    """Return the fault of a subject's name or noun, or None."""
    if subject.noun is None and subject.noun_from.endswith(NOT_A_SUBJECT):
        remedy = f"Make a folder for each subject, or give the noun: nouns='{subject.name}=NOUN'."
        return Fault(subject.folder, subject.noun_from, remedy)
    if subject.noun is None:
        remedy = f"Give the noun: nouns='{subject.name}=NOUN'."
        return Fault(subject.folder, f"does not say its noun ({subject.noun_from})", remedy)
    try:
        check_name(subject.name)
        check_noun(subject.noun)
    except ConceptError as error:
        return Fault(subject.folder, f"cannot be a concept: {error.cause.rstrip('.')}", error.remedy)
    return None
