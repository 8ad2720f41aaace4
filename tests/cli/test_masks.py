"""The line about masks: how many look right, and which ones to look at."""

from types import SimpleNamespace
from typing import Any

import pytest

from cli.masks import masks_found

LOOK = "look at 02.jpg, 04.jpg: studio concepts show rex --sheet rex.png"


@pytest.mark.parametrize(
    ("looked_at", "doubtful", "by_hand", "said"),
    [
        (5, ("02.jpg", "04.jpg"), False, [f"3 of 5 masks look right; {LOOK}"]),
        (5, ("02.jpg", "04.jpg"), True, [f"3 of 5 masks look right; {LOOK}"]),
        (5, (), False, ["5 of 5 masks look right."]),
        (1, (), False, ["1 of 1 mask looks right."]),
        (5, (), True, []),
        (0, (), False, []),
    ],
)
def test_masks_are_counted_and_doubtful_ones_named(looked_at, doubtful, by_hand, said) -> None:
    added: Any = SimpleNamespace(looked_at=looked_at, doubtful=doubtful, concept=SimpleNamespace(name="rex"))
    assert masks_found(added, by_hand) == said
