"""The table of a benchmark, in words."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from cli.texts.tables import counted, span, table

if TYPE_CHECKING:
    from lambda_studio.studio import BenchmarkScores


def benchmark_lines(found: "BenchmarkScores") -> Iterator[str]:
    """Yield the protocol, a row for each subject, their mean with its interval, and the row of real photographs."""
    yield f"{found.benchmark}, drawn by {found.drawn_by}"
    yield from (f"  {name}: {value}" for name, value in found.protocol.items())
    metrics = list(found.overall)
    real = [metric for metric in metrics if any(metric in each.real for each in found.subjects)]
    rows = [
        (each.name, each.noun, str(each.references), *_numbers(each.scores, metrics), *_numbers(each.real, real))
        for each in found.subjects
    ]
    means = _numbers({metric: each.mean for metric, each in found.overall.items()}, metrics)
    rows.append(("all", "", "", *means, *_numbers(found.real, real)))
    yield from table(("SUBJECT", "NOUN", "PHOTOS", *metrics, *(f"REAL {metric}" for metric in real)), rows)
    units = "" if found.benchmark == "dreambench" else " in the first place"
    for metric, each in found.overall.items():
        over = f"{counted(each.count, 'subject')}{units}"
        spread = f"95 % interval over {over} {span(each.ends, '.4f')}" if each.ends else f"no interval over {over}"
        yield f"{metric} {each.mean:.4f}, {spread}"
    yield from found.notes
    of = f"{counted(found.pictures, 'picture')} of {counted(found.prompts, 'prompt')}"
    yield f"{of}, each with its scores: {found.folder}"


def _numbers(values: Mapping[str, float | None], metrics: list[str]) -> list[str]:
    found = [values.get(metric) for metric in metrics]
    return ["-" if value is None else f"{value:.4f}" for value in found]
