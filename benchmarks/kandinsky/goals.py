"""The goals for one H100, as functions of the report's rows."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

Rows = Mapping[str, Mapping[str, Any]]


class Goal(NamedTuple):
    """A number that the rows give, and the value that it should reach."""

    value: Callable[[Rows], float]
    """Raises KeyError if a row was not measured."""
    wanted: float
    lower_is_better: bool = False


def _trained(method: str) -> Callable[[Rows], float]:
    return lambda rows: rows[f"fine-tune, ours, {method} bf16, batch 32"]["pictures_per_second"]["median"]


def _short_run(rows: Rows) -> float:
    return 400 * rows["fine-tune, ours, lora bf16, batch 4"]["ms_per_step"] / 1000


def _drawing(rows: Rows) -> float:
    rates = [rows[name]["pictures_per_second_at_50_steps"] for name in (OURS, PIPELINE)]
    return rates[0] / rates[1]


OURS, PIPELINE = "draw, ours, bf16, 4 at once", "draw, diffusers' pipeline, bf16, 4 in turn"
GOALS = {
    "pictures/s of full fine-tuning, batch 32": Goal(_trained("full"), 120),
    "pictures/s of LoRA, batch 32": Goal(_trained("lora"), 180),
    "seconds of 400 LoRA steps of 4 pictures": Goal(_short_run, 15, lower_is_better=True),
    "drawing 4 pictures, times the pipeline's speed": Goal(_drawing, 1.8),
}
