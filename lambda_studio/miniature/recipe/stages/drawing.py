"""Draw the pictures of several steps at once: a GPU draws thousands of pictures in the time of a few."""

from collections.abc import Callable, Sequence
from typing import TypeVar

import torch

AHEAD = {"cpu": 1, "cuda": 16}
"""The number of steps whose pictures are drawn at once on a device."""
Drawn = TypeVar("Drawn")


def drawn_ahead(
    draw: Callable[[Sequence[int], torch.device], Sequence[Drawn]],
) -> Callable[[int, torch.device], Drawn]:
    """Return a function from a step and a device to the step's result of `draw`.

    `draw` gets `AHEAD` steps in order, and returns a result for each, which must not depend on the other steps.
    """
    drawn: dict[int, Drawn] = {}

    def of(step: int, device: torch.device) -> Drawn:
        if step not in drawn:
            drawn.clear()
            first = step - step % AHEAD[device.type]
            steps = range(first, first + AHEAD[device.type])
            drawn.update(zip(steps, draw(steps, device), strict=True))
        return drawn[step]

    return of
