"""Correct a share that a judge with known errors has counted, and say how far the correction may be wrong."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from lambda_studio.evaluation.statistics import DRAWS, LEVEL, Interval

FEWEST = 10
"""The least pictures of each kind, right and wrong, from which a judge's errors are estimated."""


@dataclass(frozen=True)
class Case:
    """One picture: whether the judge calls it right, and whether the reader does; None is unclear."""

    judge: bool
    reader: bool | None


def rogan_gladen(share: float, sensitivity: float, specificity: float) -> float:
    """Return the share that is right, from the share that a judge calls right (Rogan and Gladen, 1978).

    Args:
        share: what the judge calls right, of all.
        sensitivity: what it calls right, of those that are right.
        specificity: what it calls wrong, of those that are wrong.

    Raises:
        ValueError: the judge is no better than chance.
    """
    if sensitivity + specificity <= 1:
        raise ValueError(f"sensitivity {sensitivity} and specificity {specificity} say nothing about the share.")
    return min(max((share + specificity - 1) / (sensitivity + specificity - 1), 0.0), 1.0)


def without_readers_error(share: float, accuracy: float, classes: int) -> float:
    """Return the share of right answers, from the share that a reader confirms who errs too.

    The reader's errors are those on pictures whose content is known. They are taken to be as frequent here, independent
    of the judge's, and spread over the other classes: two wrong answers are the same in one case of `classes - 1`.
    """
    return rogan_gladen(share, accuracy, 1 - (1 - accuracy) / (classes - 1))


def errors(cases: Sequence[Case]) -> tuple[float, float] | None:
    """Return the judge's sensitivity and specificity, or None if too few clear pictures are right, or wrong."""
    right = [case.judge for case in cases if case.reader is True]
    wrong = [not case.judge for case in cases if case.reader is False]
    if min(len(right), len(wrong)) < FEWEST:
        return None
    return float(np.mean(right)), float(np.mean(wrong))


def difference(share: float, cases: Sequence[Case], unclear: bool | None = None) -> float:
    """Return a share plus the mean of what the reader says less what the judge says.

    `unclear` counts the unclear pictures as right or wrong; None leaves them out.
    """
    values = [(case.reader if case.reader is not None else unclear, case.judge) for case in cases]
    return share + float(np.mean([float(reader) - judge for reader, judge in values if reader is not None]))


def bootstrapped(statistic: Callable[..., float], samples: Sequence[Sequence], seed: int = 0) -> Interval:
    """Return a statistic of several samples with its percentile bootstrap interval. Each sample is drawn on its own.

    Draws in which the statistic raises ValueError are left out, because a judge of chance says nothing.
    """
    generator, found = np.random.default_rng(seed), []
    for _ in range(DRAWS):
        drawn = [[sample[at] for at in generator.integers(0, len(sample), len(sample))] for sample in samples]
        try:
            found.append(statistic(*drawn))
        except ValueError:
            continue
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(found, [tail, 1 - tail])
    return Interval(statistic(*samples), float(low), float(high), len(samples[0]))
