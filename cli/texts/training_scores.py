"""The scores of a fine-tuning run, in words."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cli.texts.tables import table


def score_lines(scores: Sequence[Mapping[str, Any]], kept: int | None) -> Iterator[str]:
    """Yield a table of the scores before the training, and of the step that was kept or of the newest preview."""
    if not scores:
        return
    first = scores[0]
    shown = next((each for each in scores if each["step"] == kept), scores[-1])
    metrics = first["metrics"]
    yield f"scores against held-back images: likeness by {metrics['likeness']}, composition by {metrics['composition']}"
    step = f"STEP {shown['step']:,}"
    heads = ("CONCEPT", "LIKENESS BEFORE", step, "COMPOSITION BEFORE", step)
    rows = [(name, *_values(before, shown["subjects"][name])) for name, before in first["subjects"].items()]
    yield from table(heads, rows)
    trained = [each for each in scores if each["step"] > 0]
    if trained and max(each["score"] for each in trained) < first["score"]:
        yield "No preview scored better than before the training. Train longer, or with another --learning-rate."


def _values(before: Mapping[str, float], now: Mapping[str, float]) -> Iterator[str]:
    for key in ("likeness", "composition"):
        yield f"{before[key]:.3f}"
        yield f"{now[key]:.3f}"


def end_lines(steps: int, planned: int, kept: int | None) -> Iterator[str]:
    """Yield how a training ended, if it was not at its last step with its last weights."""
    if steps < planned:
        yield f"The scores rose no more: the training ended after step {steps:,} of {planned:,}."
    if kept is not None:
        yield f"The adapter has the weights of step {kept:,}, whose score was the best."
