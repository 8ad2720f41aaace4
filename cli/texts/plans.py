"""What a plan of an import says, line by line."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cli.texts.tables import counted, table

if TYPE_CHECKING:
    from lambda_studio.studio import Plan, PlannedSubject

MOST_FILES = 5


def subject_lines(plan: "Plan", skips: bool = False) -> Iterator[str]:
    """Yield the subjects of a plan as a table, then its notes. An import that `skips` taken names has none for them."""
    yield f"Read as {plan.layout}: {counted(len(plan.subjects), 'subject')}."
    captions = any(each.captions for each in plan.subjects)
    rows = [
        (
            each.name,
            each.noun or "?",
            len(each.pictures),
            each.masks or "",
            *([each.captions or ""] if captions else []),
            each.state,
            _where(plan, each.folder),
            each.noun_from,
        )
        for each in plan.subjects
    ]
    heads = ("NAME", "NOUN", "PICTURES", "MASKS", *["CAPTIONS"] * captions, "STATE", "FROM", "NOUN FROM")
    yield from table(heads, rows)
    yield from (f"Note: {each.name}: {note}" for each in _told(plan, skips) for note in each.notes)


def left_aside_lines(plan: "Plan") -> Iterator[str]:
    """Yield what a plan leaves aside, a line for each folder and reason."""
    for each in plan.left_aside:
        shown = [name if each.folder in ("", ".") else f"{each.folder}/{name}" for name in each.files[:MOST_FILES]]
        more = f" and {len(each.files) - MOST_FILES} more" if len(each.files) > MOST_FILES else ""
        yield f"Left aside: {', '.join(shown)}{more}: {each.why}"


def guess_lines(plan: "Plan", remedy: str, skips: bool = False) -> Iterator[str]:
    """Yield lines that say how to change nouns that were guessed or may be names. `skips` is as in `subject_lines`."""
    told = [each for each in _told(plan, skips) if each.noun]
    if guessed := [each.name for each in told if each.is_guess and not each.may_be_name]:
        yield f"Note: {counted(len(guessed), 'noun')} guessed ({_some(guessed)}). To change one: {remedy}"
    if names := [str(each.noun) for each in told if each.may_be_name]:
        what = f"{counted(len(names), 'noun')} may be {'a name' if len(names) == 1 else 'names'} ({_some(names)})"
        yield f"Note: {what}, and a noun says what the subject is: dog, mug. To give it: {remedy}"


def _some(names: "list[str]") -> str:
    return ", ".join(names[:MOST_FILES]) + " …" * (len(names) > MOST_FILES)


def _told(plan: "Plan", skips: bool) -> "list[PlannedSubject]":
    return [each for each in plan.subjects if each.state == "new" or not skips]


def _where(plan: "Plan", folder: str) -> str:
    """Return the folder of a subject. The source itself is named as the user named it."""
    return plan.source if folder == "." else folder


def fault_lines(plan: "Plan") -> Iterator[str]:
    """Yield what a plan cannot use, and what to do about each."""
    for fault in plan.faults:
        yield f"Cannot be used: {fault.where} {fault.why}" + (f" → {fault.remedy}" if fault.remedy else "")
    if plan.faults:
        yield "The import would be refused. Correct or remove these, or import the rest: leave_out=True"


def taken_lines(plan: "Plan") -> Iterator[str]:
    """Yield a line that names the taken names, if there are some."""
    taken = [each.name for each in plan.subjects if each.state == "name taken"]
    if taken:
        yield f"The library has other content with these names: {', '.join(taken)}. The import would be refused."
        yield "Give --on-conflict rename (a number is added to the name) or --on-conflict skip (it is left out)."
