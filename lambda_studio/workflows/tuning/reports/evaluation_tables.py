"""The evaluation of a run's adapter as tables for its report."""

from dataclasses import dataclass

from lambda_studio.workflows.evaluating.evaluation import LIKE_AT_ALL, AdapterEvaluation


@dataclass(frozen=True)
class Cell:
    """A number in words, and the colour behind it: how much more it is than of photographs, in 0..1."""

    drawn: str
    real: str
    more: float


@dataclass(frozen=True)
class Tables:
    """What a report says of an evaluation."""

    heads: tuple[str, ...]
    concepts: tuple[tuple[str, ...], ...]
    names: tuple[str, ...]
    cells: tuple[tuple[Cell, ...], ...]
    lines: tuple[str, ...]


FULL = 0.3
"""From this on, a cell of the matrix has the full colour."""


def tables_of(found: AdapterEvaluation) -> Tables:
    """Return the tables of an evaluation."""
    metric, names = found.metrics["likeness"], found.drawn.names
    composition = f"Composition ({found.metrics['composition']}) before"
    heads: tuple[str, ...] = (
        "Concept",
        f"Likeness ({metric}) before",
        "with the adapter",
        "of photographs",
        composition,
    )
    heads = (*heads, "with the adapter", "Copies before", "with the adapter")
    concepts = tuple(
        (
            each.name, f"{each.likeness_before[metric]:.3f}", f"{each.likeness[metric]:.3f}",
            _number(each.real[metric], 3), f"{each.composition_before:.3f}", f"{each.composition:.3f}",
            _share(each.copies_before.rate), _share(each.copies.rate),
        )
        for each in found.concepts
    )  # fmt: skip
    cells = tuple(tuple(_cell(found, one, other) for other in names) for one in names)
    return Tables(heads, concepts, names, cells, tuple(_lines(found)))


def _cell(found: AdapterEvaluation, one: str, other: str) -> Cell:
    more = found.bleeding.value(one, other) or 0.0
    alike = one != other and (found.drawn.value(one, other) or 0.0) >= LIKE_AT_ALL
    shade = min(max(more, 0.0) / FULL, 1.0) if alike else 0.0
    return Cell(_number(found.drawn.value(one, other)), _number(found.real.value(one, other)), round(shade, 2))


def _lines(found: AdapterEvaluation) -> list[str]:
    lost = [
        f"{now.subjects} concepts in one picture: {100 * now.rate:.0f} % of them are lost, "
        f"{100 * before.rate:.0f} % without the adapter."
        for now, before in zip(found.collapse, found.collapse_before, strict=True)
    ]
    drift = f"Pictures without a concept are changed by {found.drift.adapter:.3f}; another seed changes them by "
    return [*found.notes, *lost, f"{drift}{found.drift.seeds:.3f}."]


def _share(rate: float | None) -> str:
    return "–" if rate is None else f"{100 * rate:.0f} %"


def _number(value: float | None, digits: int = 2) -> str:
    return "–" if value is None else f"{value:.{digits}f}"
