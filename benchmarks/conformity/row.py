"""One comparison: how many cases are equal to the last bit, and how far the others are apart."""

from dataclasses import dataclass, field

import torch
from torch import Tensor


@dataclass
class Row:
    """The cases of one comparison. `limit` is the largest difference that passes, relative to the largest value."""

    name: str
    against: str
    limit: float
    cases: int = 0
    equal: int = 0
    """Cases that are equal to the last bit."""
    largest: float = 0.0
    """The largest difference of a case, relative to the largest value of theirs."""
    notes: list[str] = field(default_factory=list)

    def compare(self, ours: Tensor, theirs: Tensor) -> None:
        """Count a case. Raises ValueError for other shapes."""
        if ours.shape != theirs.shape:
            raise ValueError(f"{self.name}: {tuple(ours.shape)} of ours, {tuple(theirs.shape)} of theirs")
        ours, theirs = ours.detach().double(), theirs.detach().double()
        self.cases += 1
        self.equal += int(torch.equal(ours, theirs))
        self.largest = max(self.largest, ((ours - theirs).abs().max() / theirs.abs().max()).item())

    @property
    def passes(self) -> bool:
        """Whether there are cases, and every difference is within the limit."""
        return self.cases > 0 and self.largest <= self.limit
