"""The table of a benchmark, in words."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from cli.texts.tables import table

if TYPE_CHECKING:
    from lambda_studio.studio import BenchmarkScores


def benchmark_lines(found: "BenchmarkScores") -> Iterator[str]:
    """Yield the protocol, a row for each subject, their mean with its interval, and the row of real photographs."""
    yield f"{found.benchmark}, drawn by {found.drawn_by}"
    yield from (f"  {name}: {value}" for name, value in found.protocol.items())
    metrics = list(found.overall)
    rows = [
        (each.name, each.noun, str(each.references), *_numbers(each.scores, metrics), *_numbers(each.real, metrics))
        for each in found.subjects
    ]
    means = _numbers({metric: each.mean for metric, each in found.overall.items()}, metrics)
    rows.append(("all", "", "", *means, *_numbers(found.real, metrics)))
    yield from table(("SUBJECT", "NOUN", "PHOTOS", *metrics, *(f"REAL {metric}" for metric in metrics)), rows)
    units = "subjects" if found.benchmark == "dreambench" else "subjects in the first place"
    for metric, each in found.overall.items():
        spread = f"{each.low:.4f} to {each.high:.4f}"
        yield f"{metric} {each.mean:.4f}, 95 % interval over {each.count} {units} {spread}"
    yield from found.notes
    yield f"{found.pictures} pictures of {found.prompts} prompts, each with its scores: {found.folder}"


def _numbers(values: Mapping[str, float | None], metrics: list[str]) -> list[str]:
    found = [values.get(metric) for metric in metrics]
    return ["-" if value is None else f"{value:.4f}" for value in found]
