"""The scores of a run's previews, and what follows from them: what is kept, when it is enough, who is drawn less.

Everything here is a function of the scores so far, so that a resumed run decides as an uninterrupted one.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from concepts.durable import staged_file

LIKENESS, COMPOSITION = "likeness", "composition"
PENALTY = 1.0
"""Composition penalty: losing all of the composition that the untrained decoder had costs this much likeness."""
LEAST_GAIN = 0.005
"""A smaller gain of the score is none for `patience`."""
EASED = 0.2
"""How often a subject that is done is drawn, beside before."""


@dataclass(frozen=True)
class Scored:
    """The scores of one preview: for each scored subject `likeness`, `composition` and other likenesses by name."""

    step: int
    subjects: Mapping[str, Mapping[str, float]]


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What follows from the scores of a run."""

    keep_best: bool = False
    """The adapter has the weights of the preview with the highest score."""
    patience: int = 0
    """The run ends after so many previews without a gain; 0: it does not."""
    ease_off: bool = False
    """`patience` counts for each subject. One that is done is drawn less, and the run ends when all are done."""


@dataclass(frozen=True)
class Share:
    """Which subjects are drawn less, from a step on."""

    since: int = 0
    eased: frozenset[str] = frozenset()


class Scoreboard:
    """The scores of a run, one entry for each preview.

    Args:
        rules: what follows from them.
        metrics: the names of the metrics, by `likeness` and `composition`.
        every: the steps between two previews.
        path: a JSONL file of the scores. None writes none.
    """

    def __init__(self, rules: Rules, metrics: Mapping[str, str], every: int, path: Path | None = None):
        self.rules, self.metrics, self.every, self.path = rules, metrics, every, path
        self.previews: list[Scored] = []

    @property
    def about(self) -> dict[str, str]:
        """The part of a run's description that its end depends on, if anything follows from the scores."""
        said = f"{self.metrics[LIKENESS]} and {self.metrics[COMPOSITION]} every {self.every} steps"
        return {} if self.rules == Rules() else {"scores": said}

    def add(self, scored: Scored) -> None:
        """Add a preview's scores, in place of the same or a later step's."""
        self.previews = [each for each in self.previews if each.step < scored.step] + [scored]
        self._write()

    def has(self, step: int) -> bool:
        """Return whether the preview of this step is scored."""
        return any(each.step == step for each in self.previews)

    def state(self) -> list[dict[str, Any]]:
        """Return the scores as JSON values, for a checkpoint."""
        return [{"step": each.step, "subjects": each.subjects} for each in self.previews]

    def load(self, state: Sequence[Mapping[str, Any]]) -> None:
        """Continue from a checkpoint's scores."""
        self.previews = [Scored(each["step"], each["subjects"]) for each in state]
        self._write()

    @property
    def best(self) -> int | None:
        """The step of the preview with the highest score after the first step, the earliest of equal ones."""
        trained = [number for number, each in enumerate(self.previews) if each.step > 0]
        overall = self.overall()
        return self.previews[max(trained, key=lambda number: overall[number])].step if trained else None

    @property
    def is_enough(self) -> bool:
        """Whether the run ends here."""
        if not self.rules.patience or not self.previews:
            return False
        if self.rules.ease_off:
            return self.share().eased == self.previews[0].subjects.keys()
        return waited(self.overall()) >= self.rules.patience

    def overall(self) -> list[float]:
        """Return the mean score of all subjects, for each preview."""
        return [fmean(row) for row in zip(*self.by_subject().values(), strict=True)]

    def by_subject(self) -> dict[str, list[float]]:
        """Return each subject's score for each preview: its likeness less the penalty for lost composition."""
        names = self.previews[0].subjects if self.previews else ()
        return {name: [self._score(each, name) for each in self.previews] for name in names}

    def share(self, steps: int | None = None) -> Share:
        """Return who is drawn less after this many steps (None: now). A subject that is done stays so."""
        found = Share()
        if not self.rules.ease_off or not self.rules.patience:
            return found
        for count, preview in enumerate(self.previews, start=1):
            if steps is not None and preview.step > steps:
                break
            done = {name for name, row in self.by_subject().items() if waited(row[:count]) >= self.rules.patience}
            if not done <= found.eased:
                found = Share(preview.step, found.eased | done)
        return found

    def kept(self) -> set[int]:
        """Return the steps whose checkpoints must stay."""
        best = self.best if self.rules.keep_best else None
        return set() if best is None else {best}

    def lines(self) -> list[dict[str, Any]]:
        """Return the lines of `scores.jsonl`."""
        rows = zip(self.state(), self.overall(), strict=True)
        return [{"step": each["step"], "score": round(score, 5), **self._rounded(each)} for each, score in rows]

    def _rounded(self, each: Mapping[str, Any]) -> dict[str, Any]:
        subjects = {name: {key: round(value, 5) for key, value in of.items()} for name, of in each["subjects"].items()}
        return {"subjects": subjects, "metrics": dict(self.metrics)}

    def _score(self, preview: Scored, name: str) -> float:
        before, now = self.previews[0].subjects[name][COMPOSITION], preview.subjects[name][COMPOSITION]
        lost = max(0.0, before - now) / max(abs(before), 1e-3)
        return preview.subjects[name][LIKENESS] - PENALTY * lost

    def _write(self) -> None:
        if self.path:
            with staged_file(self.path, replace=True) as staged:
                staged.write_text("".join(json.dumps(line) + "\n" for line in self.lines()), encoding="utf-8")


def waited(scores: Sequence[float]) -> int:
    """Return how many previews there are since the last gain of at least `LEAST_GAIN`."""
    best, at = scores[0], 0
    for number, score in enumerate(scores):
        if score >= best + LEAST_GAIN:
            best, at = score, number
    return len(scores) - 1 - at
