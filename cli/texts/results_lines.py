"""The numbers of an evaluation, and of two beside each other, in words."""

from typing import TYPE_CHECKING

from cli.texts.tables import counted, span, table

if TYPE_CHECKING:
    from lambda_studio.studio import EvaluationComparison, EvaluationReport


def comparison_lines(found: "EvaluationComparison") -> list[str]:
    """Return a row for each metric of two evaluations, and what is in both."""
    rows = [
        (
            each.metric,
            f"{each.one:.4f}",
            f"{each.other:.4f}",
            f"{each.difference.mean:+.4f}",
            span(each.difference.ends, "+.4f"),
            "yes" if each.is_clear else "no",
        )
        for each in found.metrics
    ]
    head = ("METRIC", "ONE", "OTHER", "DIFFERENCE", "95 % OF IT", "CLEAR")
    both = f"{counted(found.pictures, 'picture')} of {counted(found.subjects, 'subject')}"
    said = f"{both} {'is' if found.pictures == 1 else 'are'} in both."
    left = f" {found.only_one} are only in ONE, {found.only_other} only in OTHER." if found.uneven else ""
    return [*table(head, rows), said + left, *found.notes]


def evaluation_lines(found: "EvaluationReport") -> list[str]:
    """Return a row for each metric of an evaluation, what is missing in it, and where its page is."""
    real = found.table.real if found.table else {}
    rows = [
        (each.metric, f"{mean.mean:.4f}", span(mean.ends, ".4f"), str(mean.count), str(each.pictures),
         *([f"{real[each.metric]:.4f}" if each.metric in real else "-"] if real else []))
        for each in found.metrics
        for mean in (each.interval,)
    ]  # fmt: skip
    head = ("METRIC", "MEAN", "95 % OF IT", "SUBJECTS", "PICTURES", *(["REAL"] if real else []))
    made = [f"The table is of {found.table.date}, by: {found.table.command}"] if found.table else []
    return [*(table(head, rows) if rows else ()), *found.notes, *made, f"The report: {found.path}"]
