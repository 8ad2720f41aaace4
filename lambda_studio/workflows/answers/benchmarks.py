"""Files that benchmarks write."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class WrittenPrompts:
    """A file of Multibench's prompts."""

    path: Path
    together: int
    compositions: int
    """Compositions of categories that have a prompt."""
    of_compositions: int
    """Compositions of the whole benchmark."""
    prompts: int
    notes: tuple[str, ...] = ()
