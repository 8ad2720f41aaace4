"""The scores of a fine-tuning run, in words."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
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
    columns = {"BEFORE": first} if shown is first else {"BEFORE": first, f"STEP {shown['step']:,}": shown}
    yield from table(tuple(_heads(columns)), [tuple(_values(columns.values(), name)) for name in first["subjects"]])
    trained = [each for each in scores if each["step"] > 0]
    if trained and max(each["score"] for each in trained) < first["score"]:
        yield "No preview scored better than before the training. Train longer, or with another --learning-rate."
    elif fallen := [name for name, now in shown["subjects"].items() if _fell(first["subjects"][name], now)]:
        yield f"Less alike than before the training: {', '.join(fallen)}. A training of its own may help."


def _fell(before: Mapping[str, float], now: Mapping[str, float]) -> bool:
    """Return whether the likeness fell, as it is printed."""
    return round(now["likeness"], 3) < round(before["likeness"], 3)


def best_lines(scores: Sequence[Mapping[str, Any]], kept: int | None) -> Iterator[str]:
    """Yield which step had the best score, of a run whose adapter has the last step's weights."""
    trained = [each for each in scores if each["step"] > 0]
    if kept is not None or not trained:
        return  # `end_lines` says it, or there is none
    best, last = max(trained, key=lambda each: each["score"])["step"], trained[-1]["step"]
    if best == last:
        yield f"The adapter has the weights of step {last:,}, the last one, whose score was the best."
    else:
        yield f"Step {best:,} had the best score. The adapter has the weights of step {last:,}: see --keep best."


def _heads(columns: Iterable[str]) -> Iterator[str]:
    yield "CONCEPT"
    for score in ("LIKENESS", "COMPOSITION"):
        yield from (f"{score} {column}" if column == "BEFORE" else column for column in columns)


def _values(columns: Iterable[Mapping[str, Any]], name: str) -> Iterator[str]:
    lines = list(columns)
    yield name
    for key in ("likeness", "composition"):
        yield from (f"{line['subjects'][name][key]:.3f}" for line in lines)


def end_lines(steps: int, planned: int, kept: int | None) -> Iterator[str]:
    """Yield how a training ended, if it was not at its last step with its last weights."""
    if steps < planned:
        yield f"The scores rose no more: the training ended after step {steps:,} of {planned:,}."
    if kept is not None:
        yield f"The adapter has the weights of step {kept:,}, whose score was the best."
