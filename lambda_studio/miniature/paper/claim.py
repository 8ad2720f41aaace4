"""A claim of the paper, and what was measured of it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, stdev

from lambda_studio.progress import Progress, silent

OfSeed = Mapping[str, Mapping[str, float]]
"""What one seed gives: a value by way and column."""
SEEN = 0.0005
"""The smallest mean difference that decides: a smaller one is printed as 0.000."""


@dataclass(frozen=True)
class Job:
    """One measurement of a claim."""

    seed: int
    pictures: int
    """How many subjects or pictures each way has."""
    folder: Path
    """Where trained priors are kept. Claims share them, and a stopped training goes on."""
    progress: Progress = silent


@dataclass(frozen=True)
class Expected:
    """The paper says that `column` is greater in way `more` than in way `less`."""

    more: str
    less: str
    column: str
    margin: float = 0.0
    """With a margin, it says only that `column` is not smaller in `more` by as much as that."""
    within: float = 0.0
    """With this, it says only that `column` differs by less than that."""

    def above(self, difference: float) -> float:
        """Return by how much a difference, `more` minus `less`, is above what the paper says; below 0 it is below."""
        return self.within - abs(difference) if self.within else difference + self.margin

    @property
    def text(self) -> str:
        """The expectation in words."""
        if self.within:
            return f"{self.column} with {self.more} is within {self.within:g} of that with {self.less}"
        if self.margin:
            return f"{self.column} with {self.more} is less than {self.margin:g} below that with {self.less}"
        return f"{self.column} is greater with {self.more} than with {self.less}"


@dataclass(frozen=True)
class Claim:
    """A table or figure of the paper."""

    key: str
    title: str
    says: str
    """What the paper says, with its figures."""
    here: str
    """What is measured on the miniature."""
    ways: tuple[str, ...]
    columns: Mapping[str, str]
    """What each column is, by its name."""
    expected: tuple[Expected, ...]
    measure: Callable[[Job], OfSeed]
    counted: bool = False
    """Whether it is counted, once. Then a way may lack columns, and one difference decides."""


@dataclass(frozen=True)
class Checked:
    """One expectation against what was measured."""

    expected: Expected
    differences: tuple[float, ...]
    """Of each seed."""
    counted: bool = False

    @property
    def _undecided(self) -> bool:
        return len(self.differences) < 2 and not self.counted

    @property
    def verdict(self) -> str:
        """Return `agrees` if every seed does, `disagrees` if none does, else `unclear`.

        One seed decides nothing, except of counts, and neither does a mean difference below `SEEN`.
        """
        above = [self.expected.above(difference) for difference in self.differences]
        if self._undecided or abs(fmean(above)) < SEEN:
            return "unclear"
        if all(each > 0 for each in above):
            return "agrees"
        return "disagrees" if all(each < 0 for each in above) else "unclear"

    @property
    def text(self) -> str:
        """The expectation and its verdict, in words."""
        mean = fmean(self.differences)
        why = ", because one seed decides nothing" * self._undecided
        return f"{self.expected.text}: {self.verdict}{why} ({mean:+.3f})"


@dataclass(frozen=True)
class Result:
    """What was measured of a claim, over seeds."""

    claim: Claim
    seeds: tuple[int, ...]
    pictures: int
    by_seed: tuple[OfSeed, ...]

    def values(self, way: str, column: str) -> list[float]:
        """Return the value of each seed that has one."""
        return [of_seed[way][column] for of_seed in self.by_seed if column in of_seed[way]]

    def cell(self, way: str, column: str) -> str:
        """Return the mean over the seeds, with their standard deviation if there are several; `–` without values."""
        values = self.values(way, column)
        if not values or self.claim.counted:
            return f"{values[0]:,.4g}" if values else "–"
        spread = f" ± {stdev(values):.3f}" if len(values) > 1 else ""
        return f"{fmean(values):.3f}{spread}"

    @property
    def checked(self) -> tuple[Checked, ...]:
        """Each expectation, checked seed by seed."""
        return tuple(Checked(each, tuple(self._differences(each)), self.claim.counted) for each in self.claim.expected)

    @property
    def verdict(self) -> str:
        """`agrees` or `disagrees` if all expectations do, `agrees in part` if some agree, else `unclear`."""
        return joined([each.verdict for each in self.checked])

    def _differences(self, said: Expected) -> Sequence[float]:
        pairs = zip(self.values(said.more, said.column), self.values(said.less, said.column), strict=True)
        return [more - less for more, less in pairs]


def joined(verdicts: Sequence[str]) -> str:
    """Return one verdict for several expectations."""
    if len(set(verdicts)) == 1:
        return verdicts[0]
    return "agrees in part" if "agrees" in verdicts else "unclear"
