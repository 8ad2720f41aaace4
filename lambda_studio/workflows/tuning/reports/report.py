"""The report of a fine-tuning run: one HTML file without anything outside of it."""

import base64
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment

from concepts.durable import staged_file
from concepts.records import ConceptRecord
from lambda_studio.config import FinetuneConfig, chosen_settings
from lambda_studio.settings.written import written
from lambda_studio.training.curve import smooth, ticks
from lambda_studio.workflows.answers.runs import Remark
from lambda_studio.workflows.evaluating.evaluation import AdapterEvaluation
from lambda_studio.workflows.tuning.reports import score_charts
from lambda_studio.workflows.tuning.reports.evaluation_tables import tables_of
from lambda_studio.workflows.tuning.reports.score_charts import charts_by_subject
from lambda_studio.workflows.tuning.settings import unusual

WIDTH, HEIGHT, LEFT, RIGHT, BOTTOM = 720, 240, 56, 24, 28
SIZE = {name.lower(): getattr(score_charts, name) for name in ("WIDTH", "HEIGHT", "LEFT", "RIGHT", "TOP", "BOTTOM")}
SHOWN = 500
"""The most points of a curve: more than a screen shows."""


@dataclass(frozen=True)
class RunReport:
    """What a report says of a run."""

    run_id: int
    stack: str
    concepts: Sequence[ConceptRecord]
    config: FinetuneConfig
    losses: Sequence[float]
    adapter: int | None
    """None: the run was stopped."""
    remarks: Sequence[Remark] = ()
    scores: Sequence[Mapping[str, Any]] = ()
    """The lines of `scores.jsonl`."""
    kept: int | None = None
    """The step whose weights the adapter has; None is the last one."""
    held_back: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """The files of the images that were not trained on, by concept."""
    evaluation: AdapterEvaluation | None = None
    preferences: Mapping[str, Any] = field(default_factory=dict)
    """The settings that the stack prefers."""

    @property
    def outcome(self) -> str:
        """How the run ended, in words."""
        config, done = self.config, len(self.losses)
        concepts = "1 concept" if len(self.concepts) == 1 else f"{len(self.concepts)} concepts"
        begun = f"{config.method} on {concepts}, {config.steps:,} steps."
        if self.adapter is None:
            return f"{begun} It was stopped at step {done:,}."
        ended = f" It ended after step {done:,}, because its scores rose no more."
        early = ended if self.scores and done < config.steps else ""
        kept = f", with the weights of step {self.kept:,}, whose score was the best" if self.kept else ""
        return f"{begun}{early} It made adapter {self.adapter}{kept}."


def report_of(folder: Path) -> Path:
    """Return the path of the report in a run's folder."""
    return folder / "report.html"


def write_report(report: RunReport, folder: Path, sheet: Path | None) -> Path:
    """Write the report of a run into its folder, with the sheet of its previews, and return its path."""
    path = report_of(folder)
    with staged_file(path, replace=True) as staged:
        staged.write_text(html_of(report, sheet.read_bytes() if sheet else None), encoding="utf-8")
    return path


def html_of(report: RunReport, sheet: bytes | None) -> str:
    """Return the report as HTML. Names and prompts of others are escaped."""
    names = [concept.name for concept in report.concepts]
    page = files(__package__).joinpath("report.html").read_text(encoding="utf-8")
    return (
        Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
        .from_string(page)
        .render(
            run=report.run_id,
            names=", ".join(names),
            outcome=report.outcome,
            held_back={name: ", ".join(files) for name, files in report.held_back.items()},
            charts=charts_by_subject(report.scores, report.kept),
            size=SIZE,
            evaluation=tables_of(report.evaluation) if report.evaluation else None,
            concepts=report.concepts,
            trained_on={
                each.name: len(each.images) - len(report.held_back.get(each.name, ())) for each in report.concepts
            },
            remarks=[str(remark) for remark in report.remarks],
            previews=base64.b64encode(sheet).decode() if sheet else "",
            curve=curve(report.losses),
            settings=[(name, written(value)) for name, value in sorted(_unusual(report).items())],
            command=command(report),
            call=call(report),
            version=version("lambda-studio"),
            stack=report.stack,
        )
    )


def command(report: RunReport) -> str:
    """Return the command that makes the adapter again, or resumes the run."""
    if report.adapter is None:
        return "studio finetune --resume"
    if report.config.start_from:
        names = report.config.weights or [concept.name for concept in report.concepts]
        begun = ["--from", report.config.start_from[:12]]
        return shlex.join(["studio", "finetune", *names, *begun, *options(report.config, _unusual(report))])
    return f"studio finetune --rebuild {report.adapter}"


def options(config: FinetuneConfig, differing: Mapping[str, Any]) -> list[str]:
    """Return the options of the settings that differ from their defaults, and of those `differing` from the stack's."""
    chosen = {"steps": config.steps, "batch_size": config.batch_size, "learning_rate": config.effective_learning_rate}
    chosen |= {"rank": config.rank} if config.method == "lora" else {}
    others = {**chosen_settings(config), **differing}
    chosen |= {name: value for name, value in others.items() if name not in ("weights", "start_from")}
    said = []
    for name, value in chosen.items():
        option = "--preview" if name == "preview_prompts" else f"--{name.replace('_', '-').removeprefix('use-')}"
        for each in value if isinstance(value, tuple) else [value]:
            switch = {True: [option], False: [f"--no-{option[2:]}"]}
            said += switch[each] if isinstance(each, bool) else [option, f"{each}"]
    return said


def call(report: RunReport) -> str:
    """Return the call in Python with its steps, and all settings that differ from defaults of any kind."""
    config, names = report.config, [concept.name for concept in report.concepts]
    chosen = {**chosen_settings(config), **_unusual(report)}
    ordered = {field.name: chosen[field.name] for field in fields(config) if field.name in chosen}
    given = ", ".join(f"{name}={value!r}" for name, value in ordered.items())
    return f"studio.finetune({names!r}, FinetuneConfig({given}))"


def _unusual(report: RunReport) -> dict[str, Any]:
    return unusual(chosen_settings(report.config), report.preferences)


def curve(losses: Sequence[float]) -> Mapping[str, Any]:
    """Return the axes and the points of the smoothed losses, in pixels."""
    span = max(2, len(losses) // 25)
    values = smooth(losses, span)
    top = 1.05 * max(values, default=1.0) or 1.0
    every = max(1, len(values) // SHOWN)

    def x(step: float) -> float:
        return round(LEFT + (WIDTH - LEFT - RIGHT) * step / max(1, len(values)), 1)

    def y(loss: float) -> float:
        return round((HEIGHT - BOTTOM) * (1 - loss / top), 1)

    points = " ".join(f"{x(at + 1.0)},{y(values[at])}" for at in range(0, len(values), every))
    return {
        "span": span,
        "width": WIDTH,
        "height": HEIGHT,
        "left": LEFT,
        "rows": [(y(loss), f"{loss:g}") for loss in ticks(0.0, top, 4)],
        "columns": [(x(step), f"{step:,.0f}") for step in ticks(0.0, float(len(values)), 6) if step == int(step)],
        "points": points,
    }
