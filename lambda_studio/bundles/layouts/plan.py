"""A plan of an import: which subjects, which pictures, which masks, and what is left aside and why."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from concepts.printable import printable

MOST_KINDS = 4


@dataclass(frozen=True)
class PlannedPicture:
    """A picture, its mask (None: the subject is found) and its caption, by their paths in the source."""

    file: str
    mask: str | None = None
    caption: str | None = None
    """The path of its caption."""


NEW, TAKEN, PRESENT = "new", "name taken", "there already"
"""The states of a planned subject."""


@dataclass(frozen=True)
class PlannedSubject:
    """A subject to import. `noun` None: the user must name it, for the reason in `noun_from`."""

    name: str
    noun: str | None
    noun_from: str
    """Where the noun is from."""
    folder: str
    """Where the name is from: a folder of the source, or a row of a list."""
    pictures: tuple[PlannedPicture, ...]
    notes: tuple[str, ...] = ()
    is_guess: bool = False
    """The source does not say the noun; it is the words of a folder's name, or `thing`."""
    may_be_name: bool = False
    """Its noun has a word that is rather a pet's name. It is not what the user said with the choice of nouns."""
    state: str = NEW
    """Whether the library has the name: `new`; `name taken` by other pictures or another noun; `there already`, with
    pictures of the same file names, whose content is compared when they are read."""

    @property
    def masks(self) -> int:
        """How many pictures have masks."""
        return sum(picture.mask is not None for picture in self.pictures)

    @property
    def captions(self) -> int:
        """How many pictures have captions."""
        return sum(picture.caption is not None for picture in self.pictures)


@dataclass(frozen=True)
class LeftAside:
    """Files of one folder of the source that are not imported, for one reason. The source itself is `.`."""

    folder: str
    files: tuple[str, ...]
    why: str


@dataclass(frozen=True)
class Fault:
    """Something that an import needs and cannot use. The import is refused, or leaves it out if the user agrees."""

    where: str
    why: str
    remedy: str = ""

    def __str__(self) -> str:
        return f"{self.where} {self.why}"


@dataclass(frozen=True)
class Plan:
    """What an import would do with a source. Every file of the source is in `subjects`, `left_aside` or `faults`."""

    source: str
    layout: str
    subjects: tuple[PlannedSubject, ...]
    left_aside: tuple[LeftAside, ...] = ()
    faults: tuple[Fault, ...] = ()


def holds(plan: Plan) -> str:
    """Return what a source without pictures has instead, to follow in a message; no text if it has no file."""
    names = [(each.files[0], each.why) for each in plan.left_aside]
    count = sum(len(each.files) for each in plan.left_aside)
    if not names:
        return ": it is empty"
    said = ", ".join(f"{printable(name)} ({why})" for name, why in names[:MOST_KINDS])
    return f", but {said}" + (f" and others, {count} files in all" if count > len(names[:MOST_KINDS]) else "")


@dataclass(frozen=True, kw_only=True)
class Choices:
    """What the user decides about the import of pictures."""

    nouns: Mapping[str, str] = field(default_factory=dict)
    """Nouns by the subjects' names. They replace what the source says."""
    leave_out: bool = False
    """Leave out what cannot be used, and import the rest."""
    table: Path | None = None
    """A table that says which pictures belong to which subject, as `write_table` writes it."""
