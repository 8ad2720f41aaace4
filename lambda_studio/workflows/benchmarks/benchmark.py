"""Run a benchmark: draw or take its pictures, score them, and make the table. It can be stopped and resumed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lambda_studio.config import BenchmarkConfig, GenerateConfig
from lambda_studio.workflows.benchmarks.comparisons.comparing import without_interval
from lambda_studio.workflows.benchmarks.pictures import BenchDrawer, given_pictures, require_pictures_of, take
from lambda_studio.workflows.benchmarks.results.cells import Cell, wanted
from lambda_studio.workflows.benchmarks.results.command import command_of
from lambda_studio.workflows.benchmarks.results.contents import contents, contents_of_pictures
from lambda_studio.workflows.benchmarks.results.results_folder import EXPECTED, NOTES, REFERENCES, ResultsFolder, Row
from lambda_studio.workflows.benchmarks.results.scores import (
    OVER_PAIRS,
    OVER_SUBJECTS,
    BenchmarkScores,
    Reals,
    SubjectScores,
    means_of,
    overall,
    real_row,
    require_complete,
    unit_of,
)
from lambda_studio.workflows.benchmarks.results.table import keep_table
from lambda_studio.workflows.benchmarks.scoring import BenchMetrics, Scorer, metrics_of
from lambda_studio.workflows.benchmarks.sharing import Share, share_of
from lambda_studio.workflows.benchmarks.subjects import BenchSubject, Photographs
from lambda_studio.workflows.workplace import Workplace

OF_PICTURES = (
    "num_inference_steps", "sampler", "guidance_scale", "deep_cache_interval", "height", "width", "seed",
)  # fmt: skip
"""Settings of drawing that change a benchmark's pictures."""


@dataclass(frozen=True)
class Benchmark:
    """What a benchmark asks for."""

    name: str
    subjects: Mapping[str, BenchSubject]
    cells: tuple[Cell, ...]
    about: Mapping[str, Any]
    """What distinguishes it, beside the protocol: which subjects and prompts of how many."""
    words: tuple[str, ...]
    """The words of its command: its name, its folder, and options of its own."""
    mean: str = OVER_SUBJECTS
    """What the table's last row is a mean of."""
    notes: tuple[str, ...] = ()


class BenchmarkRun:
    """One evaluation of a benchmark, in a folder."""

    def __init__(
        self, place: Workplace, benchmark: Benchmark, out: Path, config: BenchmarkConfig, drawing: GenerateConfig
    ):
        self._share: Share = share_of(place)
        self._place, self._benchmark, self._config, self._asked = place, benchmark, config, drawing
        chosen = drawing.preferring(place.spec.generate)
        self._drawing = replace(chosen, seed=chosen.seed or 0)
        self._folder = ResultsFolder(out)
        self._photographs = Photographs(place, benchmark.subjects, config)

    def run(self, score_only: Path | None) -> BenchmarkScores | None:
        """Return the table; None in a process that is not the first one.

        Raises InvalidSetting, AdapterNotFound, ImageRefused, MaskRefused, and the errors of models and drawing.
        """
        metrics, cells = metrics_of(self._place, self._config), self._benchmark.cells
        if score_only:
            require_pictures_of(score_only, cells, self._config.pictures)
        drawer = None if score_only else BenchDrawer(self._place, self._drawing, self._config.adapter)
        drawn = self._drawn_by(drawer) if drawer else {"taken_from": str(score_only)}
        self._begin({**self._about(metrics), **drawn}, score_only)
        asked = self._share.part(wanted(cells, self._config.pictures))
        if score_only:
            take(self._place, score_only, asked, self._folder)
        elif drawer:
            drawer.draw(asked, self._photographs, self._folder)
        scorer = Scorer(metrics, self._photographs, self._config, self._drawing.seed if drawer else None)
        scorer.score(self._place, asked, self._folder, self._share)
        self._share.wait()
        if not self._share.is_first:
            return None
        found = replace(self._table(scorer, metrics, drawn), command=self._command(score_only))
        keep_table(self._folder, found)
        return found

    def _command(self, score_only: Path | None) -> str:
        stack = self._place.named_stack() or self._place.spec.name
        words, out = self._benchmark.words, self._folder.out
        return command_of(words, out, stack, self._config, self._asked, score_only)

    def _begin(self, about: Mapping[str, Any], score_only: Path | None) -> None:
        if self._share.is_first:
            cells = self._benchmark.cells
            given = contents_of_pictures(given_pictures(score_only, cells)) if score_only else {}
            self._folder.begin({**about, **contents(cells, self._benchmark.subjects), **given})
        self._share.wait()

    def _about(self, metrics: BenchMetrics) -> dict[str, Any]:
        return {
            "name": self._benchmark.name,
            "protocol": self._protocol(metrics),
            "stack": self._place.spec.name,
            "weights": self._place.stack.fingerprints(),
            "metric_weights": dict(metrics.weights),
            **self._benchmark.about,
            EXPECTED: len(self._benchmark.cells) * self._config.pictures,
            NOTES: self._benchmark.notes,
            REFERENCES: {name: self._references(name) for name in self._benchmark.subjects},
        }

    def _protocol(self, metrics: BenchMetrics) -> dict[str, str | int]:
        config = self._config
        token = f"with {config.unique_token} before the noun" if config.unique_token else "with the noun alone"
        one = "one photograph of the subject" if config.references == "one" else "all photographs of the subject"
        return {
            "pictures of each prompt": config.pictures,
            "references": f"{one}, whole",
            **metrics.said,
            "text": token,
            "mean": self._benchmark.mean if config.mean == "macro" else OVER_PAIRS,
        }

    def _drawn_by(self, drawer: BenchDrawer) -> dict[str, Any]:
        return {
            **{name: getattr(drawer.config, name) for name in OF_PICTURES},
            "drawn_from": self._config.source,
            "segment": self._config.segment,
            "adapters": [{"sha256": each.record.sha256, "scale": each.scale} for each in drawer.adapters],
        }

    def _table(self, scorer: Scorer, metrics: BenchMetrics, drawn: Mapping[str, Any]) -> BenchmarkScores:
        rows = require_complete(self._folder.rows(), self._benchmark.cells, self._config.pictures)
        names = list(dict.fromkeys(name for row in rows for name in row.subjects))
        reals = scorer.reals(names)
        return BenchmarkScores(
            benchmark=self._benchmark.name,
            folder=self._folder.out,
            protocol=self._protocol(metrics),
            drawn_by=self._said(drawn),
            prompts=len(self._benchmark.cells),
            pictures=len(rows),
            subjects=tuple(self._subject(name, rows, reals) for name in names),
            overall=overall(rows, self._folder.about()),
            real=real_row(reals, self._real_weight),
            notes=(*without_interval(len(set(map(unit_of, rows)))), *self._benchmark.notes, *metrics.notes),
            date=f"{datetime.now(UTC):%Y-%m-%d}",
        )

    def _said(self, drawn: Mapping[str, Any]) -> str:
        if "taken_from" in drawn:
            return f"another program, from {drawn['taken_from']}"
        adapters = [each["sha256"][:12] for each in drawn["adapters"]]
        with_it = f"adapter {adapters[0]}" if adapters else "no adapter"
        source = "all photographs" if drawn["drawn_from"] == "all" else "one photograph"
        count = drawn["num_inference_steps"]
        steps = f"{count} step{'s' * (count != 1)}, seed {drawn['seed']}"
        return f"{self._place.spec.name} with {with_it}, from {source} of a subject, {steps}"

    def _subject(self, name: str, rows: Sequence[Row], reals: Reals) -> SubjectScores:
        own = [row for row in rows if name in row.subjects]
        return SubjectScores(
            name=name,
            noun=self._benchmark.subjects[name].noun,
            references=self._references(name),
            pictures=len(own),
            scores=means_of(name, own),
            real=reals[name],
        )

    def _references(self, name: str) -> int:
        return len(self._benchmark.subjects[name].chosen(self._config.references))

    def _real_weight(self, name: str) -> int:
        """Return how much a subject counts in the row of photographs: 1, or its pairs of two of them."""
        if self._config.mean == "macro":
            return 1
        count = len(self._benchmark.subjects[name].photographs)
        return count * (count - 1) if self._config.references == "all" else count - 1
