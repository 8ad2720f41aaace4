"""Means and bootstrap intervals, against values computed by hand and by simulation."""

import numpy as np
import pytest

from lambda_studio.evaluation.statistics import cluster_means, interval, paired, weighted_mean


def test_equal_values_have_no_width_and_a_single_value_is_its_own_interval() -> None:
    assert interval([0.5] * 7) == interval([0.5] * 7, seed=9)
    assert (interval([0.5] * 7).low, interval([0.5] * 7).high, interval([0.3]).mean) == (0.5, 0.5, 0.3)
    with pytest.raises(ValueError, match="no values"):
        interval([])


def test_an_interval_contains_the_truth_about_as_often_as_it_says() -> None:
    generator = np.random.default_rng(0)
    found = [interval(list(generator.normal(1.0, 1.0, 40)), seed=number) for number in range(200)]
    share = np.mean([each.low <= 1.0 <= each.high for each in found])
    assert 0.88 <= share <= 0.99


def test_clusters_weigh_the_same_and_are_drawn_whole() -> None:
    values, clusters = [0.0, 0.0, 0.0, 1.0], ["a", "a", "a", "b"]
    assert cluster_means(values, clusters) == {"a": 0.0, "b": 1.0}
    of_clusters, of_values = interval(values, clusters), interval(values)
    assert (of_clusters.mean, of_clusters.count) == (0.5, 2)
    assert (of_values.mean, of_values.count) == (0.25, 4)
    assert (of_clusters.low, of_clusters.high) == (0.0, 1.0)


def test_pairs_are_subtracted_before_the_mean() -> None:
    one = [0.1, 0.9, 0.4, 0.6]
    found = paired(one, [value + 0.05 for value in one])
    assert found.low == pytest.approx(0.05) and found.high == pytest.approx(0.05), "the values' spread cancels"


def test_a_weighted_mean_follows_its_weights() -> None:
    assert weighted_mean({"a": 0.0, "b": 1.0}, {"a": 4, "b": 6}) == pytest.approx(0.6)


def test_clusters_may_have_weights_which_are_drawn_with_them() -> None:
    values, clusters = [0.0, 0.0, 1.0, 0.5], ["a", "a", "b", "c"]
    found = interval(values, clusters, weights={"a": 4, "b": 6, "c": 2})
    assert found.mean == pytest.approx(7 / 12) and found.count == 3
    assert (found.low, found.high) == (0.0, 1.0)
    assert interval(values, clusters, weights={"a": 3, "b": 3, "c": 3}) == interval(values, clusters)
