"""The cells of a benchmark's table: a prompt for its subjects, of which some pictures are drawn."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from lambda_studio.workflows.benchmarks.results.results_folder import Value


@dataclass(frozen=True)
class Cell:
    """A prompt for its subjects."""

    key: str
    """What distinguishes it in the benchmark, such as `dog6/03`."""
    subjects: tuple[str, ...]
    prompt: str
    """With names, as `generate` takes it."""
    text: str
    """The words that a picture is compared with."""
    facts: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True)
class Wanted:
    """A picture of a cell, by its number from 1."""

    cell: Cell
    number: int

    @property
    def key(self) -> str:
        """The picture's key, such as `dog6/03/2`."""
        return f"{self.cell.key}/{self.number}"

    def seed(self, first: int) -> int:
        """Return the picture's seed. It depends on nothing but `first` and the key: not on the other pictures."""
        return int.from_bytes(hashlib.sha256(f"benchmark {first} {self.key}".encode()).digest()[:4], "little") >> 1


def wanted(cells: Sequence[Cell], pictures: int) -> list[Wanted]:
    """Return all pictures of cells."""
    return [Wanted(cell, number) for cell in cells for number in range(1, pictures + 1)]
