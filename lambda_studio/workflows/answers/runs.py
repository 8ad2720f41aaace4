"""Answers about training runs."""

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from lambda_studio.workflows.answers.adapters import AdapterCard


@dataclass(frozen=True)
class Remark:
    """What may spoil the training of a concept, and what to do."""

    concept: str
    said: str

    def __str__(self) -> str:
        return f"{self.concept}: {self.said}"


@dataclass(frozen=True)
class Finetuned:
    """A finished run with its adapter, or a stopped run that can be resumed (then `adapter` is None)."""

    run_id: int
    steps: int
    stack: str
    concepts: tuple[str, ...]
    adapter: AdapterCard | None
    loss_log: Path
    loss_plot: Path
    previews: Path | None = None
    """The sheet of preview pictures, if there are any."""
    report: Path | None = None
    """The run's report, one HTML file."""
    planned_steps: int | None = None
    """The steps of its settings. It made fewer if it was stopped, or if its scores rose no more."""
    kept: int | None = None
    """The step whose weights the adapter has; None is the last one."""
    scores: tuple[dict[str, Any], ...] = ()
    """The scores of each preview, with `holdout`: `step`, `score`, `subjects` and the names of the `metrics`."""
    tensorboard: Path | None = None
    """The folder of TensorBoard's files, if there are any."""
    evaluation: Any = None
    """What `adapters.evaluate` says of the adapter, if it was asked for."""
    remarks: tuple[Remark, ...] = ()
    """As in `FinetunePlan`. A resumed run has none."""


@dataclass(frozen=True)
class RunCard:
    """A training run. `knows` maps each concept's name to the version that the run trains on."""

    id: int
    kind: str
    state: str
    """`running` (a process works on it), `unfinished` (it can be resumed), `finished` or `failed`."""
    stack: str
    knows: dict[str, int]
    saved_step: int | None
    """The optimiser step of the newest checkpoint on this machine."""
    steps: int
    """The number of optimiser steps of the whole run."""
    why: str | None
    """The reason of a failure."""
    adapter: int | None
    started_at: datetime
    ended_at: datetime | None
    settings: dict[str, Any]
    """Its steps, and the settings that differ from the defaults or from what its stack prefers."""
    folder: Path
    bytes: int
    """The size of the run's files on this machine."""
    ended_step: int | None = None
    """The step after which it ended early, because its scores rose no more."""
    kept: int | None = None
    """The step whose weights its adapter has; None is the last one."""
    scores: tuple[dict[str, Any], ...] = ()
    """As in `Finetuned`, if they are on this machine. Only of `runs.get`."""
    removed: tuple[str, ...] = ()
    """The names in `knows` whose concepts were removed and can be restored."""
    forgotten: tuple[str, ...] = ()
    """The names in `knows` whose concepts were deleted for good."""
    newer: int | None = None
    """A newer unfinished run of the same concepts, which is resumed in place of this one. Only of `runs.get`."""
    needs: dict[str, str] = field(default_factory=dict)
    """What must be named to resume it: its `library` if another one is in use, and its `stack` if another one is named
    or has a newer run of the same concepts. Only of `runs.get`."""
