"""The training loop of fine-tuning, the prior and the miniature's recipe."""

import math
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch

from lambda_studio.errors import TrainingDiverged
from lambda_studio.models.memory.hardware import has_cpu_memory_for
from lambda_studio.models.saving import require_room_to_save, tensor_bytes
from lambda_studio.training.checkpoints.beside import Writer, copied
from lambda_studio.training.checkpoints.checkpoint import Checkpoint, save_checkpoint
from lambda_studio.training.checkpoints.pace import Pace
from lambda_studio.training.checkpoints.resume import Settings, open_run
from lambda_studio.training.curve import LossLog
from lambda_studio.training.devices import LossReader, randomness_kept, start_accelerator
from lambda_studio.training.hooks import NO_HOOKS, Hooks, ModelReport, StepReport
from lambda_studio.training.objectives import Objective
from lambda_studio.training.optimisation.optimiser import Optimiser, TrainConfig


@dataclass(frozen=True)
class TrainResult:
    """A run that ended, or was `stopped` and can be resumed. The given model holds the trained weights."""

    steps: int
    losses: tuple[float, ...]
    folder: Path
    loss_log: Path
    stopped: bool


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
    accelerator = start_accelerator(device, config.mixed_precision, config.gradient_accumulation_steps)
    settings = objective.describe(accelerator.num_processes)
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
        if optimiser.average:
            optimiser.average.copy_to_parameters()
    return TrainResult(len(run.log.losses), tuple(run.log.losses), folder, run.log.path, stopped)


class _Run:
    """A run in its folder: the loop, the log and the checkpoints. Only the main process writes."""

    def __init__(
        self, folder: Path, optimiser: Optimiser, settings: Settings, checkpoint: Checkpoint | None, hooks: Hooks
    ):
        self.folder, self.optimiser, self.settings, self.hooks = folder, optimiser, settings, hooks
        self.config, self.accelerator = optimiser.config, optimiser.accelerator
        self.last_good, logged = 0, {}
        if checkpoint:
            self.last_good, logged = checkpoint.step, checkpoint.meta
            optimiser.load_state(checkpoint.load())
        main = self.accelerator.is_main_process
        self.log = LossLog(
            folder / "loss.jsonl", logged.get("losses", ()), main, logged.get("others"), self.config.log_every
        )
        self.reader, self.pace, self.writer = LossReader(self.accelerator.device), Pace(), Writer()

    def train(self) -> bool:
        """Train to the last step. Return whether `should_stop` ended the run earlier."""
        stopped, last = False, self.config.steps
        if self.last_good in (0, last):  # a killed run may have ended before its last preview
            self._preview(self.last_good)
        for step in range(self.last_good + 1, last + 1):
            self._report(self.reader.push(self.optimiser.step(step)))
            stopped = step < last and self._is_stop_asked()
            if stopped or step == last or step % self.config.checkpoint_every == 0:
                self._report(self.reader.read())
                self._require_finite(step)
                if stopped or self._is_worth_it():
                    self._save(step, ends=stopped or step == last)
                if self.accelerator.is_main_process:
                    self.log.draw(self.folder / "loss.png")
            every = self.hooks.preview_every
            if not stopped and (step == last or (every and step % every == 0)):
                self._preview(step)
            if stopped:
                break
        return stopped

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
            size = tensor_bytes(state)
            beside = not ends and self.pace.is_large(size) and has_cpu_memory_for(size)
            kept = copied(state) if beside else state
            self.writer.begin(partial(save_checkpoint, self.folder / "checkpoints", step, kept, meta))
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
