"""Concepts on their way in, checked and not stored yet."""

from collections.abc import Callable
from dataclasses import dataclass

from concepts.records import NewImage


@dataclass(frozen=True)
class Incoming:
    """A checked concept on its way in. Its bytes are read when it is written: a library need not fit into memory."""

    name: str
    noun: str
    manifest: str
    images: Callable[[], list[NewImage]]
    left_out: tuple[tuple[str, str | None], ...] = ()
    """The pictures that its note stands for, where it came without them."""
    notes: tuple[str, ...] = ()
