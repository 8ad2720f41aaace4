"""Each claim at a hundredth of its size, with the real miniature: all ways and columns have finite numbers."""

import math

import numpy as np
import pytest
from PIL import Image

from lambda_studio.miniature.paper import claims, players
from lambda_studio.miniature.paper.claim import Job
from lambda_studio.miniature.paper.claims import CLAIMS, _followed


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.key)
def test_a_claim_is_measured(claim, monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(players, "STEPS", 1)
    monkeypatch.setattr(claims, "FRAMES", 3)
    found = claim.measure(Job(1, 2, tmp_path))
    assert set(found) == set(claim.ways)
    for way in claim.ways:
        assert set(found[way]) == set(claim.columns)
        assert all(math.isfinite(value) for value in found[way].values())
    for each in claim.expected:
        assert {each.more, each.less} <= set(claim.ways) and each.column in claim.columns


def test_edges_are_followed_by_the_same_picture_and_not_by_another() -> None:
    pixels = np.zeros((16, 16, 3), dtype=np.uint8)
    pixels[:, 8:] = 255
    upright = Image.fromarray(pixels)
    lying, plain = upright.rotate(90), Image.new("RGB", (16, 16))
    assert _followed(upright, upright, "gradient") == 1.0
    assert _followed(upright, lying, "gradient") < 0.4
    assert _followed(upright, plain, "gradient") == 0.0 and _followed(plain, plain, "gradient") == 1.0
