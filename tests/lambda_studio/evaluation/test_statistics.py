"""Means and bootstrap intervals, against values computed by hand and by simulation."""

import numpy as np
import pytest

from lambda_studio.evaluation.statistics import FEWEST, cluster_means, interval, paired, weighted_mean


def test_an_interval_of_equal_values_has_no_width() -> None:
    assert interval([0.5] * 7) == interval([0.5] * 7, seed=9)
    assert interval([0.5] * 7).ends == (0.5, 0.5)
    with pytest.raises(ValueError, match="no values"):
        interval([])


def test_so_few_values_that_chance_gives_them_one_sign_have_no_interval() -> None:
    assert 2 * 0.5**FEWEST < 0.05 < 2 * 0.5 ** (FEWEST - 1), "the share of trials in which all signs are the same"
    few = interval([0.2] * (FEWEST - 1))
    assert (few.mean, few.low, few.high, few.ends, few.count) == (0.2, None, None, None, FEWEST - 1)
    assert interval([0.25] * FEWEST).ends == (0.25, 0.25)
    assert interval([0.1, 0.3] * 9, ["a", "b"] * 9).ends is None, "clusters are counted, not values"


def test_an_interval_contains_the_truth_about_as_often_as_it_says() -> None:
    generator = np.random.default_rng(0)
    found = [interval(list(generator.normal(1.0, 1.0, 40)), seed=number) for number in range(200)]
    share = np.mean([ends[0] <= 1.0 <= ends[1] for each in found if (ends := each.ends)])
    assert 0.88 <= share <= 0.99


def test_clusters_weigh_the_same_and_are_drawn_whole() -> None:
    values, clusters = [0.0, 0.0, 0.0, 1.0], ["a", "a", "a", "b"]
    assert cluster_means(values, clusters) == {"a": 0.0, "b": 1.0}
    of_clusters, of_values = interval(values, clusters), interval(values)
    assert (of_clusters.mean, of_clusters.count) == (0.5, 2)
    assert (of_values.mean, of_values.count) == (0.25, 4)
    each = list(range(FEWEST))
    apart = [-1.0, 1.0] * (FEWEST // 2)
    assert interval(apart * 9, each * 9) == interval(apart, each), "values of one cluster are not drawn apart"


def test_pairs_are_subtracted_before_the_mean() -> None:
    one = [0.1, 0.9, 0.4, 0.6, 0.2, 0.3]
    found = paired(one, [value + 0.05 for value in one])
    assert found.ends == (pytest.approx(0.05), pytest.approx(0.05)), "the values' spread cancels"


def test_a_weighted_mean_follows_its_weights() -> None:
    assert weighted_mean({"a": 0.0, "b": 1.0}, {"a": 4, "b": 6}) == pytest.approx(0.6)


def test_clusters_may_have_weights_which_are_drawn_with_them() -> None:
    values, clusters = [0.0, 0.0, 1.0, 0.5], ["a", "a", "b", "c"]
    found = interval(values, clusters, weights={"a": 4, "b": 6, "c": 2})
    assert found.mean == pytest.approx(7 / 12) and found.count == 3
    assert interval(values, clusters, weights={"a": 3, "b": 3, "c": 3}) == interval(values, clusters)
    several = list(range(FEWEST))
    even = interval([0.0, 1.0] * (FEWEST // 2), several)
    heavy = interval([0.0, 1.0] * (FEWEST // 2), several, weights={each: 1 + 99 * (each % 2) for each in several})
    assert even.ends and heavy.ends and heavy.ends[0] > even.ends[0], "a heavy cluster moves the ends too"
