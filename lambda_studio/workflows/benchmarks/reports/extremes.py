"""Which pictures a report shows: those with the highest, the middle and the lowest scores, or with the most change."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from lambda_studio.workflows.benchmarks.results.results_folder import Row
from lambda_studio.workflows.benchmarks.results.scores import metrics_of

SHOWN = 4
"""The most pictures of each kind and metric."""
METRICS = 12
"""The most metrics whose pictures are shown."""


@dataclass(frozen=True)
class ScoredPicture:
    """A picture with one of its scores."""

    metric: str
    rank: str
    """`highest`, `median` or `lowest`."""
    key: str
    score: float
    prompt: str
    subjects: tuple[str, ...]
    seed: int


@dataclass(frozen=True)
class PictureChange:
    """A picture with one of its scores in two evaluations."""

    metric: str
    rank: str
    """`gained` or `lost`."""
    key: str
    one: float
    other: float
    prompt: str
    subjects: tuple[str, ...]
    seeds: tuple[int, int]

    @property
    def difference(self) -> float:
        """The score of the other evaluation's picture less that of the first one's."""
        return self.other - self.one


def extremes(rows: Sequence[Row]) -> tuple[ScoredPicture, ...]:
    """Return the pictures with the highest, the median and the lowest score by each metric. None is in two of these."""
    return tuple(picture for metric in metrics_of(rows)[:METRICS] for picture in _extremes(metric, rows))


def _extremes(metric: str, rows: Sequence[Row]) -> Iterator[ScoredPicture]:
    order = sorted((row for row in rows if metric in row.scores), key=lambda row: (-row.scores[metric], row.key))
    count = min(SHOWN, max(1, len(order) // 3))
    highest, rest = order[:count], order[count:]
    lowest, rest = rest[-count:][::-1], rest[:-count]
    start = (len(rest) - count + 1) // 2
    median = rest[max(start, 0) :][:count]
    for rank, chosen in (("highest", highest), ("median", median), ("lowest", lowest)):
        for row in chosen:
            yield ScoredPicture(metric, rank, row.key, row.scores[metric], row.prompt, row.subjects, row.seed)


def changes(pairs: Mapping[str, tuple[Row, Row]], metrics: Sequence[str]) -> tuple[PictureChange, ...]:
    """Return the pictures whose score by each metric gained and lost most, from the first to the second evaluation."""
    return tuple(change for metric in metrics[:METRICS] for change in _changes(metric, pairs))


def _changes(metric: str, pairs: Mapping[str, tuple[Row, Row]]) -> Iterator[PictureChange]:
    def difference(key: str) -> float:
        return pairs[key][1].scores[metric] - pairs[key][0].scores[metric]

    order = sorted(pairs, key=lambda key: (-difference(key), key))
    gained = [key for key in order if difference(key) > 0][:SHOWN]
    lost = [key for key in reversed(order) if difference(key) < 0][:SHOWN]
    for rank, chosen in (("gained", gained), ("lost", lost)):
        for key in chosen:
            one, other = pairs[key]
            scores = one.scores[metric], other.scores[metric]
            yield PictureChange(metric, rank, key, *scores, other.prompt, other.subjects, (one.seed, other.seed))
