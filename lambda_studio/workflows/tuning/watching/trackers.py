"""The curves of a run for TensorBoard, trackio and Weights & Biases, through accelerate."""

import importlib.util
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lambda_studio.config import FinetuneConfig, chosen_settings, require
from lambda_studio.errors import InvalidSetting
from lambda_studio.training.hooks import StepReport

PROJECT, TENSORBOARD = "lambda-studio", "tensorboard"
PACKAGES = {"tensorboard": ("tensorboard", "tensorboardX"), "trackio": ("trackio",), "wandb": ("wandb",)}
"""The packages of each tracker, of which one is enough."""
UNTOLD = ("weights", "preview_prompts", "start_from", "report_to")
"""Settings that a tracker is not told: they name concepts, or are not about the curve."""


def tensorboard_of(folder: Path) -> Path:
    """Return the folder of TensorBoard's files in a run's folder."""
    return folder / TENSORBOARD


class Trackers:
    """Passes the losses of a run on. A tracker that fails is left out from then on, and the run goes on."""

    def __init__(self, trackers: Sequence[Any], notify: Callable[[str], None]):
        self._trackers, self._notify = list(trackers), notify

    def begin(self, settings: dict[str, Any]) -> None:
        """Pass on the settings of the run."""
        self._each(lambda tracker: tracker.store_init_configuration(settings))

    def log(self, report: StepReport) -> None:
        """Pass on the losses of a step."""
        self._each(lambda tracker: tracker.log({"loss": report.loss, **report.others}, step=report.step))

    def close(self) -> None:
        """Close the trackers."""
        self._each(lambda tracker: tracker.finish())

    def _each(self, tell: Callable[[Any], Any]) -> None:
        for tracker in tuple(self._trackers):
            try:
                tell(tracker)
            except Exception as error:  # another program's code, on a network or a disk: it may raise anything
                self._trackers.remove(tracker)
                self._notify(f"{tracker.name} failed, and gets no more of this run: {error}")


def require_trackers(config: FinetuneConfig) -> None:
    """Raise InvalidSetting if a tracker's package is not installed."""
    for name in config.report_to:
        found = any(importlib.util.find_spec(package) for package in PACKAGES[name])
        cause = f"report_to is {name}, which needs the package {' or '.join(PACKAGES[name])}."
        require(found, cause, f"pip install {PACKAGES[name][0]}", "report_to")


@contextmanager
def tracking(
    config: FinetuneConfig, folder: Path, since: int, run: str, notify: Callable[[str], None]
) -> Iterator[Trackers]:
    """Open the trackers of `config.report_to` during the block.

    Args:
        config: The settings. Trackers are told those that name no concept.
        folder: The run's folder, which TensorBoard's files are written into.
        since: The last step before: a resumed run goes on after it.
        run: A name that no other run has, by which a resumed run is known.
        notify: Called with a tracker's failure.

    Raises InvalidSetting if a tracker cannot start.
    """
    trackers = Trackers([_opened(name, folder, since, run) for name in config.report_to], notify)
    told = {"steps": config.steps, **chosen_settings(config)}
    trackers.begin({name: value for name, value in told.items() if name not in UNTOLD})
    try:
        yield trackers
    finally:
        trackers.close()


def _opened(name: str, folder: Path, since: int, run: str) -> Any:
    """Return a started tracker of accelerate."""
    from accelerate.tracking import TensorBoardTracker, TrackioTracker, WandBTracker

    try:
        if name == "tensorboard":  # a resumed run has a file of its own, which hides what came after the checkpoint
            suffix = f".after-{since}"
            tracker: Any = TensorBoardTracker(TENSORBOARD, folder, purge_step=since + 1, filename_suffix=suffix)
        elif name == "trackio":
            tracker = TrackioTracker(PROJECT, name=run, resume="allow")
        else:
            tracker = WandBTracker(PROJECT, id=run, name=run, resume="allow", dir=str(folder))
        tracker.start()
    except Exception as error:  # another program's code, which may ask for a login or a network
        said = str(error).partition("\n")[0]
        raise InvalidSetting(f"{name} cannot start: {said}", "Correct it, or leave out --report-to.") from error
    return tracker
