"""The training loop of fine-tuning, the prior and the miniature's recipe."""

import math
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch

from lambda_studio.config import require
from lambda_studio.errors import TrainingDiverged
from lambda_studio.models.files.saving import require_room_to_save, tensor_bytes
from lambda_studio.models.memory.hardware import has_cpu_memory_for
from lambda_studio.training.checkpoints.beside import Writer, copied
from lambda_studio.training.checkpoints.checkpoint import Checkpoint, find_checkpoint, save_checkpoint
from lambda_studio.training.checkpoints.pace import Pace
from lambda_studio.training.checkpoints.resume import Settings, open_run
from lambda_studio.training.curve import LossLog
from lambda_studio.training.devices import LossReader, randomness_kept, start_accelerator
from lambda_studio.training.hooks import NO_HOOKS, Hooks, ModelReport, StepReport
from lambda_studio.training.objectives.objectives import Objective
from lambda_studio.training.optimisation.optimiser import Optimiser, TrainConfig


@dataclass(frozen=True)
class TrainResult:
    """A run that ended, or was `stopped` and can be resumed. The given model holds the trained weights."""

    steps: int
    losses: tuple[float, ...]
    folder: Path
    loss_log: Path
    stopped: bool
    kept: int | None = None
    """The step whose weights the model holds; None is the last one."""


def train(
    objective: Objective, config: TrainConfig, folder: Path, resume: bool = False, hooks: Hooks = NO_HOOKS
) -> TrainResult:
    """Train `objective.model` in place, and write `loss.jsonl`, `loss.png` and checkpoints to `folder`.

    On a CPU a resumed run ends with the same bits as an uninterrupted run.

    Raises:
        InvalidSetting: fp16 on a CPU.
        OutputExists: `folder` holds a run, and `resume` is false.
        ResumeRefused: there is no run to resume, or the settings differ.
        TrainingDiverged: a loss or a weight is NaN or infinite.
        CheckpointFailed: the disk refused a checkpoint.
    """
    device = next(objective.model.parameters()).device
    accelerator = start_accelerator(device, config.mixed_precision, config.gradient_accumulation_steps, config.compile)
    alone = accelerator.num_processes == 1
    require(alone or hooks.board is None, "Scores are given to several processes.", "Train with one.", "board")
    settings = objective.describe(accelerator.num_processes) | (hooks.board.about if hooks.board else {})
    checkpoint = open_run(folder, resume, settings, config.steps)
    accelerator.wait_for_everyone()
    with randomness_kept(accelerator.device), objective.trainable(accelerator.device) as parameters:
        optimiser = Optimiser(accelerator, objective, parameters, config)
        if checkpoint is None or checkpoint.step < config.steps:
            require_room_to_save("The first checkpoint", folder, optimiser.state_bytes)
        run = _Run(folder, optimiser, settings, checkpoint, hooks)
        try:
            stopped = run.train()
        finally:
            run.writer.close()
            run.log.close()
        kept = None if stopped else run.take_best()
        if optimiser.average and kept is None:
            optimiser.average.copy_to_parameters()
    return TrainResult(len(run.log.losses), tuple(run.log.losses), folder, run.log.path, stopped, kept)


class _Run:
    """A run in its folder: the loop, the log and the checkpoints. Only the main process writes."""

    def __init__(
        self, folder: Path, optimiser: Optimiser, settings: Settings, checkpoint: Checkpoint | None, hooks: Hooks
    ):
        self.folder, self.optimiser, self.settings, self.hooks = folder, optimiser, settings, hooks
        self.config, self.accelerator = optimiser.config, optimiser.accelerator
        self.last_good, logged, self.board = 0, {}, hooks.board
        if checkpoint:
            self.last_good, logged = checkpoint.step, checkpoint.meta
            optimiser.load_state(checkpoint.load())
        if self.board:
            self.board.load(logged.get("scores", ()))
        main = self.accelerator.is_main_process
        self.log = LossLog(
            folder / "loss.jsonl", logged.get("losses", ()), main, logged.get("others"), self.config.log_every
        )
        self.reader, self.pace, self.writer = LossReader(self.accelerator.device), Pace(), Writer()

    def train(self) -> bool:
        """Train until the last step, or until the scores are enough. Return whether `should_stop` ended the run."""
        stopped, step = False, self.last_good
        if self._is_missed(step):
            self._preview(step)
        while step < self.config.steps and not stopped and not (self.board and self.board.is_enough):
            step += 1
            self._report(self.reader.push(self.optimiser.step(step)))
            stopped = step < self.config.steps and self._is_stop_asked()
            due = not stopped and self._is_due(step)
            if due and self.board:  # the checkpoint holds the scores
                self._preview(step)
            self._save_if_due(step, stopped)
            if due and not self.board:
                self._preview(step)
        return stopped

    def take_best(self) -> int | None:
        """Give the model the weights of the best preview, and return its step; None if these are the last ones."""
        best = self.board.best if self.board and self.board.rules.keep_best else None
        if best is None or best == len(self.log.losses):
            return None
        checkpoint = find_checkpoint(self.folder / "checkpoints", best)
        if checkpoint:  # else it was damaged since
            self.optimiser.load_weights(checkpoint)
        return checkpoint.step if checkpoint else None

    def _is_due(self, step: int) -> bool:
        every = self.hooks.preview_every
        return step == self.config.steps or bool(every and step % every == 0)

    def _is_missed(self, step: int) -> bool:
        """Return whether the step that the run begins or goes on with has no preview yet."""
        if self.board:
            return (step == 0 or self._is_due(step)) and not self.board.has(step)
        return step in (0, self.config.steps)  # a killed run may have ended before its last preview

    def _save_if_due(self, step: int, stopped: bool) -> None:
        last = step == self.config.steps
        needed = stopped or (not last and self._is_decisive(step))
        if not needed and not last and step % self.config.checkpoint_every:
            return
        self._report(self.reader.read())
        self._require_finite(step)
        if needed or self._is_worth_it():
            self._save(step, ends=needed or last)
        if self.accelerator.is_main_process:
            self.log.draw(self.folder / "loss.png")

    def _is_decisive(self, step: int) -> bool:
        """Return whether this step's scores end the run, or are the best ones that are kept."""
        board = self.board
        return board is not None and board.has(step) and (board.is_enough or step in board.kept())

    def _preview(self, step: int) -> None:
        """Let the main process look at the model. The other processes wait."""
        if self.hooks.on_preview and self.accelerator.is_main_process:
            self._report(self.reader.read())
            self.hooks.on_preview(
                ModelReport(step, self.config.steps, self.optimiser.objective.model, self.optimiser.average)
            )
        self.accelerator.wait_for_everyone()

    def _report(self, losses_of_steps: list[dict[str, float]]) -> None:
        for losses in losses_of_steps:
            loss, others = losses["loss"], {name: value for name, value in losses.items() if name != "loss"}
            if not math.isfinite(loss):
                raise self._diverged(f"The loss is {loss} at step {len(self.log.losses) + 1}.")
            self.log.append(loss, others)
            if self.hooks.on_step and self.accelerator.is_main_process:
                self.hooks.on_step(StepReport(len(self.log.losses), self.config.steps, loss, others))

    def _is_stop_asked(self) -> bool:
        """Return whether any process was asked to stop: then all processes stop."""
        return self._said_by_any(bool(self.hooks.should_stop and self.hooks.should_stop()))

    def _is_worth_it(self) -> bool:
        """Return whether a checkpoint is worth its time, by the main process's clock."""
        main = self.accelerator.is_main_process
        return self._said_by_any(main and self.pace.allows(tensor_bytes(self.optimiser.state())))

    def _said_by_any(self, said: bool) -> bool:
        """Return whether any process says so; all processes get the same answer."""
        if self.accelerator.num_processes == 1:
            return said
        count = torch.tensor(float(said), device=self.accelerator.device)
        return bool(self.accelerator.reduce(count, "sum") > 0)

    def _require_finite(self, step: int) -> None:
        if not self.optimiser.is_finite():
            raise self._diverged(f"A weight is NaN or infinite after step {step}.")

    def _save(self, step: int, ends: bool) -> None:
        """Write a checkpoint: a large one beside the training, unless the run ends."""
        if self.accelerator.is_main_process:
            self._take_written()
            state, meta = self.optimiser.state(), {"settings": self.settings, **self.log.state()}
            if self.board:
                meta["scores"] = self.board.state()
            size = tensor_bytes(state)
            beside = not ends and self.pace.is_large(size) and has_cpu_memory_for(size)
            kept = copied(state) if beside else state
            steps = self.board.kept() if self.board else ()
            folder = self.folder / "checkpoints"
            self.writer.begin(partial(save_checkpoint, folder, step, kept, meta, kept_steps=steps))
            if not beside:
                self._take_written()
        self.accelerator.wait_for_everyone()
        self.pace.saved()

    def _take_written(self) -> None:
        """Wait for the checkpoint that is being written, if any. Raises CheckpointFailed if it could not be."""
        if written := self.writer.end():
            self.last_good = written.step

    def _diverged(self, cause: str) -> TrainingDiverged:
        self._take_written()
        kept = f"The checkpoint of step {self.last_good} was kept." if self.last_good else "No checkpoint was made yet."
        return TrainingDiverged(cause, f"{kept} {self.config.when_diverged}", "learning_rate")
