"""Checked concepts that are not stored yet."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from concepts.records import ConceptRecord, NewImage


@dataclass(frozen=True)
class Incoming:
    """A checked concept to store. `images` reads its bytes late, so that a library need not fit into memory."""

    name: str
    noun: str
    manifest: str
    images: Callable[[], Sequence[NewImage]]
    left_out: str = ""
    """What its note stands for (`Note.stands_for`), if it came without pictures."""
    notes: tuple[str, ...] = ()
    told: Callable[[ConceptRecord, bool], Iterable[str]] = lambda *_: ()
    """Returns the warnings of its pictures, with their numbers in the stored concept; with or without those about
    near-duplicates."""
    looked_at: int = 0
    """How many masks were found or read for its pictures; 0 for a bundle's."""
    doubtful: int = 0
    """How many of these may be wrong."""
