"""The evaluation of an adapter, in words."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cli.texts.tables import counted, table

if TYPE_CHECKING:
    from lambda_studio.studio import AdapterEvaluation

MOST_IN_A_MATRIX = 8
"""More concepts than a terminal has columns for are in the JSON and in the report of a run."""


def evaluation_lines(found: "AdapterEvaluation") -> Iterator[str]:
    """Yield an evaluation in words."""
    metrics = f"likeness by {found.metrics['likeness']}, composition by {found.metrics['composition']}"
    yield f"adapter {found.adapter} on {found.stack}: {counted(found.pictures, 'picture')} of each concept, {metrics}"
    yield from found.notes
    yield from _concepts(found)
    yield from _matrix(found)
    for pair in found.bleeds:
        more = f"{pair.more:+.2f} ({pair.before:+.2f} without the adapter)"
        yield f"{pair.drawn} is drawn too much like {pair.like}: {more} beside the photographs"
    for now, before in zip(found.collapse, found.collapse_before, strict=True):
        rates = f"{100 * now.rate:.0f} % of them are lost ({100 * before.rate:.0f} % without the adapter)"
        yield f"{now.subjects} concepts in one picture: {rates}"
    drift = f"{found.drift.adapter:.3f}. Another seed changes {found.drift.seeds:.3f}"
    yield f"the adapter changes pictures without a concept by {drift}"


def _concepts(found: "AdapterEvaluation") -> Iterator[str]:
    metric = found.metrics["likeness"]
    heads = (
        "CONCEPT",
        "LIKENESS BEFORE",
        "WITH IT",
        "OF PHOTOS",
        "COMPOSITION BEFORE",
        "WITH IT",
        "COPIES BEFORE",
        "WITH IT",
    )
    rows = [
        (
            each.name,
            f"{each.likeness_before[metric]:.3f}",
            f"{each.likeness[metric]:.3f}",
            _number(each.real[metric]),
            f"{each.composition_before:.3f}",
            f"{each.composition:.3f}",
            _share(each.copies_before.rate),
            _share(each.copies.rate),
        )
        for each in found.concepts
    ]
    yield from table(heads, rows)


def _matrix(found: "AdapterEvaluation") -> Iterator[str]:
    names = found.drawn.names
    if not 1 < len(names) <= MOST_IN_A_MATRIX:
        return
    rows = [
        (name, *(f"{_number(drawn)} ({_number(real)})" for drawn, real in zip(*of_one, strict=True)))
        for name, *of_one in zip(names, found.drawn.rows, found.real.rows, strict=True)
    ]
    yield "likeness of pictures (and of photographs) with the photographs of each concept:"
    yield from table(("DRAWN AS", *names), rows)


def _share(rate: float | None) -> str:
    return "-" if rate is None else f"{100 * rate:.0f} %"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
