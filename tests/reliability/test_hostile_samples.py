"""A small share of every hostile file, with the other tests: `make reliability` runs all of them."""

import pytest

from tests.reliability import hostile_adapters, hostile_bundles, hostile_images

SHARES = {
    "hostile images by hand": 0.3,
    "hostile images mutated": 3e-4,
    "hostile bundles by hand": 0.2,
    "hostile bundles mutated": 3e-5,
    "hostile adapter files by hand": 1.0,
    "hostile adapter files mutated": 1e-4,
}
HARNESSES = hostile_images.HARNESSES | hostile_bundles.HARNESSES | hostile_adapters.HARNESSES


def test_a_share_of_each_is_tried():
    assert SHARES.keys() == HARNESSES.keys()


@pytest.mark.parametrize("name", SHARES)
def test_what_is_hostile_is_refused_and_what_is_right_is_right(name, tmp_path):
    for outcome in HARNESSES[name](SHARES[name], tmp_path, 1):
        assert outcome.tried > 0
        assert outcome.right == outcome.tried, "\n".join(outcome.wrong)
