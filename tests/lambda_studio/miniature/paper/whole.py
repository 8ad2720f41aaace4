"""What is true of the figures of every claim."""

import math
from collections.abc import Mapping

from lambda_studio.miniature.paper.claim import Claim


def require_whole(claim: Claim, found: Mapping[str, Mapping[str, float]]) -> None:
    """Assert that each way has a finite figure in each column, and that the expectations name ways and columns."""
    assert set(found) == set(claim.ways)
    for row in found.values():
        assert set(row) == set(claim.columns)
        assert all(math.isfinite(value) for value in row.values())
    for each in claim.expected:
        assert {each.more, each.less} <= set(claim.ways) and each.column in claim.columns
