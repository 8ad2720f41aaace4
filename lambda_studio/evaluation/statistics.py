"""Means with bootstrap intervals (Efron, 1979), as plain values. No torch is imported."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

DRAWS = 2000
"""Bootstrap samples of an interval."""
LEVEL = 0.95
FEWEST = 6
"""The fewest values, or clusters of values, of an interval.

An interval does not contain zero if all values have one sign. By chance, 5 values have it in one of 16 trials (2⁻⁴),
which is more often than 1 - `LEVEL` allows, and 6 values in one of 32.
"""


@dataclass(frozen=True)
class Interval:
    """A mean, and the ends of its bootstrap interval at `LEVEL`."""

    mean: float
    low: float | None
    """The lower end; None for a mean over fewer than `FEWEST`, which has no interval."""
    high: float | None
    count: int
    """How many values, or clusters of values, the mean is over."""

    @property
    def ends(self) -> tuple[float, float] | None:
        """The ends of the interval, or None if there is none."""
        return None if self.low is None or self.high is None else (self.low, self.high)


def interval(
    values: Sequence[float],
    clusters: Sequence[Hashable] | None = None,
    seed: int = 0,
    weights: Mapping[Hashable, float | int] | None = None,
) -> Interval:
    """Return the mean of values with its percentile bootstrap interval, which needs `FEWEST` values or clusters.

    Args:
        values: one for each picture.
        clusters: the cluster of each value, such as its subject. Clusters are then drawn in place of values, because
            pictures of one subject are alike, and each cluster's mean weighs the same.
        seed: the seed of the bootstrap.
        weights: the weight of each cluster's mean, as in `weighted_mean`, if they differ.

    Raises:
        ValueError: there are no values.
    """
    units = _units(values, clusters)
    if weights is None or clusters is None:
        return _interval(units, np.ones(len(units)), seed)
    return _interval(units, np.asarray([weights[each] for each in dict.fromkeys(clusters)], dtype=float), seed)


def paired(
    one: Sequence[float], other: Sequence[float], clusters: Sequence[Hashable] | None = None, seed: int = 0
) -> Interval:
    """Return the mean of the differences `other - one`, value by value, with its interval. Raises as `interval`."""
    return interval([second - first for first, second in zip(one, other, strict=True)], clusters, seed)


def cluster_means(values: Sequence[float], clusters: Sequence[Hashable]) -> dict[Hashable, float]:
    """Return the mean of each cluster's values, in the order in which clusters appear."""
    members: dict[Hashable, list[float]] = {}
    for value, cluster in zip(values, clusters, strict=True):
        members.setdefault(cluster, []).append(value)
    return {cluster: float(np.mean(found)) for cluster, found in members.items()}


def weighted_mean(means: Mapping[Hashable, float], weights: Mapping[Hashable, float | int]) -> float:
    """Return the mean of cluster means, weighted by a number for each cluster, such as its reference images."""
    return float(np.average([means[each] for each in means], weights=[weights[each] for each in means]))


def _units(values: Sequence[float], clusters: Sequence[Hashable] | None) -> Float[np.ndarray, " unit"]:
    if not values:
        raise ValueError("there are no values to take a mean of")
    return np.asarray(list(cluster_means(values, clusters).values()) if clusters is not None else values, dtype=float)


def _interval(units: Float[np.ndarray, " unit"], weights: Float[np.ndarray, " unit"], seed: int) -> Interval:
    mean = float(np.average(units, weights=weights))
    if len(units) < FEWEST:
        return Interval(mean, None, None, len(units))
    drawn = np.random.default_rng(seed).integers(0, len(units), (DRAWS, len(units)))
    tail = (1 - LEVEL) / 2
    means = (units * weights)[drawn].sum(axis=1) / weights[drawn].sum(axis=1)
    low, high = np.quantile(means, [tail, 1 - tail])
    return Interval(mean, float(low), float(high), len(units))
