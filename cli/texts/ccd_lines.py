"""Concept confidence deviations, in words."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from cli.texts.tables import span, table

if TYPE_CHECKING:
    from lambda_studio.evaluation.concept_bed.ccd import Ccd, FolderCcd
    from lambda_studio.miniature.judge.concept_sets import ConceptBed

SIGN = "CCD is real less drawn, the sign of the paper's table: lower is better. ConceptBed's code has the other sign."
COLUMNS = {"replication": "concept replication", "alignment": "concept alignment", "place": "place", "worn": "worn"}
HEAD = ("CCD", "95 % OF IT", "DRAWN", "REAL")


def concept_bed_lines(found: "ConceptBed", out: Path | None) -> Iterator[str]:
    """Yield the table of the miniature."""
    rows = [(COLUMNS[name], *_values(each)) for name, each in found.columns.items()]
    rows.append(("composition alignment", f"{found.composition:+.4f}", "mean of place and worn", "", ""))
    rows.append(("average", f"{found.average:+.4f}", "of replication and both alignments", "", ""))
    yield from table(("", *HEAD), rows)
    one = next(iter(found.columns.values()))
    yield f"{one.pictures} pictures of each set, reference: {one.reference}. {SIGN}"
    if out is not None:
        yield str(out)


def folder_lines(found: "FolderCcd") -> Iterator[str]:
    """Yield the table of two folders, with each class's deviation."""
    result = found.result
    rows = [("all", *_values(result))]
    rows += [(name, f"{value:+.4f}", "", "", "") for name, value in result.by_class.items()]
    yield from table(("CLASS", *HEAD), rows)
    pictures = f"{result.pictures} drawn pictures and {result.real_pictures} real ones"
    yield f"{pictures}, oracle: {found.oracle}, reference: {result.reference}. {SIGN}"


def _values(each: "Ccd") -> tuple[str, str, str, str]:
    return f"{each.ccd:+.4f}", span(each.interval.ends, "+.4f"), f"{each.drawn:.4f}", f"{each.real:.4f}"
