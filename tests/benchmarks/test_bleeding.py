"""The prediction of bleeding is fitted on even libraries and judged on odd ones."""

import pytest
import torch

from benchmarks.experiments.bleeding import correlation, fitted, ranks


def pairs(values: list[tuple[float, float]]) -> list[dict[str, float]]:
    return [{"cosine": x, "after": y, "library": number} for number, (x, y) in enumerate(values)]


def test_a_line_is_found_and_leaves_no_error() -> None:
    found = fitted(pairs([(0.0, 1.0), (1.0, 3.0), (0.5, 2.0), (0.25, 1.5)]), "cosine", "after")
    assert (found["pearson"], found["spearman"], found["slope"], found["error"]) == (1.0, 1.0, 2.0, 0.0)
    assert found["mean"] == pytest.approx(1.875)


def test_the_error_is_that_of_libraries_that_were_not_fitted() -> None:
    found = fitted(pairs([(0.0, 0.0), (0.0, 1.0), (1.0, 1.0), (1.0, 2.0)]), "cosine", "after")
    assert (found["slope"], found["error"]) == (1.0, 1.0)


def test_ranks_and_correlation_by_hand() -> None:
    values = torch.tensor([0.3, 0.1, 0.2])
    assert ranks(values).tolist() == [2.0, 0.0, 1.0]
    assert correlation(values.double(), -values.double()) == pytest.approx(-1.0)
