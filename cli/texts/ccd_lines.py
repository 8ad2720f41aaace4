"""Concept confidence deviations, in words."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from cli.texts.tables import span, table

if TYPE_CHECKING:
    from lambda_studio.evaluation.concept_bed.ccd import Ccd, FolderCcd
    from lambda_studio.miniature.judge.concept_sets import ConceptBed

SIGN = "CCD is real less drawn, the sign of the paper's table: lower is better. CODE'S CCD has the sign of its code."
COLUMNS = {"replication": "concept replication", "alignment": "concept alignment", "place": "place", "worn": "worn"}
HEAD = ("CCD", "CODE'S CCD", "95 % OF IT", "DRAWN", "REAL")


def concept_bed_lines(found: "ConceptBed", out: Path | None) -> Iterator[str]:
    """Yield the table of the miniature."""
    rows = [(COLUMNS[name], *_values(each)) for name, each in found.columns.items()]
    rows.append(("composition alignment", *_signs(found.composition), "mean of place and worn", "", ""))
    rows.append(("average", *_signs(found.average), "of replication and both alignments", "", ""))
    yield from table(("", *HEAD), rows)
    one = next(iter(found.columns.values()))
    yield f"{one.pictures} pictures of each set, reference: {one.reference}. {SIGN}"
    if out is not None:
        yield str(out)


def folder_lines(found: "FolderCcd") -> Iterator[str]:
    """Yield the table of two folders, with each class's deviation."""
    result = found.result
    rows = [("all", *_values(result))]
    rows += [(name, *_signs(value), "", "", "") for name, value in result.by_class.items()]
    yield from table(("CLASS", *HEAD), rows)
    pictures = f"{result.pictures} drawn pictures and {result.real_pictures} real ones"
    yield f"{pictures}, oracle: {found.oracle}, reference: {result.reference}. {SIGN}"


def _values(each: "Ccd") -> tuple[str, ...]:
    return *_signs(each.ccd), span(each.interval.ends, "+.4f"), f"{each.drawn:.4f}", f"{each.real:.4f}"


def _signs(ccd: float) -> tuple[str, str]:
    """Return a deviation with the sign of the paper's table, and with that of ConceptBed's code."""
    return f"{ccd:+z.4f}", f"{-ccd:+z.4f}"
