"""What encoders gave is computed once, chunk by chunk, and comes back in the order it was asked for."""

from collections.abc import Sequence

import pytest
import torch
from sqlalchemy import text

from lambda_studio.progress import silent
from lambda_studio.workflows.cache.encoders import Encoder
from lambda_studio.workflows.cache.keys import FeatureKey
from lambda_studio.workflows.cache.store import CHUNK, FeatureStore


def key(number: int) -> FeatureKey:
    """A key of no image: it needs no concept that uses one."""
    return FeatureKey(kind="latents", encoder=Encoder(f"{number}", "float32"), preprocessing="none")


@pytest.fixture
def store(studio) -> FeatureStore:
    return FeatureStore(studio.database, silent)


class Computing:
    """Gives each position's square, and remembers what it was asked for; it breaks where it was told to."""

    def __init__(self, fails_at: int | None = None):
        self.asked: list[list[int]] = []
        self.fails_at = fails_at

    def __call__(self, at: Sequence[int]) -> list[torch.Tensor]:
        if self.fails_at in at:
            raise MemoryError
        self.asked.append(list(at))
        return [torch.full((2, 3), i * i, dtype=torch.float64) for i in at]


def test_only_what_is_missing_is_computed_and_values_are_float32_in_the_order_of_their_keys(store) -> None:
    first, second = Computing(), Computing()
    store.get_or_compute([key(0), key(1)], first, "Squares")
    kept = store.get_or_compute([key(2), key(1), key(0)], second, "Squares")
    assert (first.asked, second.asked, kept.computed) == ([[0, 1]], [[0]], 1)
    assert [value[0, 0].item() for value in kept.values] == [0, 1, 0], "key 2 stood in position 0"
    assert {(value.dtype, value.shape) for value in kept.values} == {(torch.float32, (2, 3))}


def test_a_key_that_is_asked_for_twice_is_computed_once(store) -> None:
    computing = Computing()
    kept = store.get_or_compute([key(1), key(2), key(1)], computing, "Squares")
    assert (computing.asked, kept.computed) == ([[0, 1]], 2)
    assert torch.equal(kept.values[0], kept.values[2])


def test_what_was_computed_before_a_failure_is_kept(store) -> None:
    keys = [key(number) for number in range(CHUNK + 2)]
    with pytest.raises(MemoryError):
        store.get_or_compute(keys, Computing(fails_at=CHUNK), "Squares")
    assert store.find(keys).keys() == set(keys[:CHUNK])
    rest = Computing()
    assert store.get_or_compute(keys, rest, "Squares").computed == 2
    assert rest.asked == [[CHUNK, CHUNK + 1]]


def test_what_is_not_there_is_not_found(store) -> None:
    assert store.find([key(1)]) == {}
    assert store.find([]) == {}


@pytest.mark.parametrize(
    "row", ["dtype = '{}'", "dtype = 'int8'", "shape = '[2]'", "shape = '[-2, -3]'", "shape = '[\"a\"]'"]
)
def test_a_row_that_says_something_else_than_its_bytes_is_computed_again_and_mended(store, row: str) -> None:
    store.get_or_compute([key(0)], Computing(), "Squares")
    with store.database.transaction() as registry:
        registry._session.execute(text(f"UPDATE features SET {row}"))
    assert store.find([key(0)]) == {}
    assert store.get_or_compute([key(0)], Computing(), "Squares").computed == 1
    assert store.find([key(0)])[key(0)].shape == (2, 3)
