"""Fine-tuning the decoder on many concepts at once (λ-ECLIPSE, Eq. 2 and appendix D), on a table of constants."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState, GradientState, PartialState
from jaxtyping import Float, Int
from torch import Tensor, nn

from lambda_studio.config import FinetuneConfig, require
from lambda_studio.errors import ResumeRefused, TrainingDiverged
from lambda_studio.models.adapter import add_lora, lora_parameters, remove_lora
from lambda_studio.models.decoders.kandinsky import predict_noise
from lambda_studio.models.decoders.protocol import Decoder
from lambda_studio.training.checkpoint import Checkpoint, save_checkpoint
from lambda_studio.training.curve import LossLog, draw_losses
from lambda_studio.training.examples import Example
from lambda_studio.training.losses import decoder_loss
from lambda_studio.training.randomness import EvenOrder, draw_micro_batch, seed_for
from lambda_studio.training.resume import describe_run, open_run


@dataclass(frozen=True)
class StepReport:
    """An optimiser step that is done: the `step`th of `steps`, and the mean loss of its micro-steps."""

    step: int
    steps: int
    loss: float


@dataclass(frozen=True)
class FinetuneResult:
    """A run that ended, or that was `stopped` and can be resumed. The decoder it was given holds what it learnt."""

    steps: int
    losses: tuple[float, ...]
    folder: Path
    loss_log: Path
    stopped: bool


def finetune_decoder(
    decoder: Decoder,
    examples: Sequence[Example],
    config: FinetuneConfig,
    folder: Path,
    resume: bool = False,
    on_step: Callable[[StepReport], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> FinetuneResult:
    """Train `decoder.unet` in place (a LoRA is left on it), with `loss.jsonl`, `loss.png` and checkpoints in `folder`.

    `decoder` is as it was loaded, also when resuming (a LoRA of a run before is taken off); the trained weights become
    float32. On a CPU a run that was
    interrupted, at any step, ends with the same bits as one that was not. `should_stop` is asked after each step:
    once it says yes, the step is checkpointed and the result says `stopped`. On CUDA reports come one step late, so
    that no step waits for the device.

    Raises InvalidSetting (no examples, unlike shapes, fp16 on a CPU), OutputExists (`folder` holds a run),
    ResumeRefused (nothing to resume, or other settings), TrainingDiverged, CheckpointFailed.
    """
    examples = _checked(examples)
    if lora_parameters(decoder.unet):
        remove_lora(decoder.unet)
    accelerator = _start_accelerator(config, decoder.unet.device)
    settings = describe_run(config, examples, decoder.unet, accelerator.num_processes)
    checkpoint = open_run(folder, resume, settings, config.steps)
    accelerator.wait_for_everyone()
    with _randomness_kept(accelerator.device), _trainable(decoder.unet, config) as parameters:
        trainer = _Trainer(accelerator, decoder, parameters, examples, config)
        run = _Run(folder, trainer, settings, checkpoint)
        try:
            stopped = run.train(config, on_step, should_stop)
        finally:
            run.log.close()
    return FinetuneResult(len(run.log.losses), tuple(run.log.losses), folder, run.log.path, stopped)


def noise_prediction_loss(
    unet: nn.Module,
    scheduler: Any,
    latents: Float[Tensor, "batch 4 height width"],
    image_embeds: Float[Tensor, "batch dim"],
    noise: Float[Tensor, "batch 4 height width"],
    timesteps: Int[Tensor, " batch"],
    dtype: torch.dtype = torch.float32,
) -> Float[Tensor, ""]:
    """λ-ECLIPSE, Eq. 2: how well the UNet (in `dtype`), told only the image embedding, finds the noise."""
    noisy_latents = scheduler.add_noise(latents, noise, timesteps)
    return decoder_loss(predict_noise(unet, noisy_latents.to(dtype), timesteps, image_embeds.to(dtype)), noise)


class _Trainer:
    """The model, the optimiser and the table: one call is one optimiser step."""

    def __init__(
        self,
        accelerator: Accelerator,
        decoder: Decoder,
        parameters: dict[str, nn.Parameter],
        examples: Sequence[Example],
        config: FinetuneConfig,
    ):
        self.accelerator, self.config, self.parameters = accelerator, config, parameters
        self.scheduler, self.dtype = decoder.scheduler, decoder.unet.dtype
        decoder.unet.to(accelerator.device)
        self.unet, self.optimizer = accelerator.prepare(decoder.unet, _adamw(list(parameters.values()), config))
        self.latents = torch.stack([example.latents for example in examples]).float().to(accelerator.device)
        self.image_embeds = torch.stack([example.image_embeds for example in examples]).float().to(accelerator.device)
        self.order = EvenOrder([example.concept for example in examples], config.seed)

    def step(self, step: int) -> Float[Tensor, ""]:
        """Optimiser step `step` (from 1): the mean loss over its micro-steps and processes."""
        count = self.config.gradient_accumulation_steps
        losses = [self._micro_step(micro_step) for micro_step in range((step - 1) * count, step * count)]
        loss: Tensor = self.accelerator.reduce(torch.stack(losses).mean(), "mean")
        return loss

    def _micro_step(self, micro_step: int) -> Float[Tensor, ""]:
        rank, processes = self.accelerator.process_index, self.accelerator.num_processes
        steps, shape = self.scheduler.config.num_train_timesteps, self.latents.shape[1:]
        batch = draw_micro_batch(self.order, micro_step, self.config.batch_size, shape, steps, rank, processes)
        batch = batch.to(self.accelerator.device)
        torch.manual_seed(seed_for(self.config.seed, "dropout", micro_step, rank))
        with self.accelerator.accumulate(self.unet):
            latents, image_embeds = self.latents[batch.rows], self.image_embeds[batch.rows]
            loss = noise_prediction_loss(
                self.unet, self.scheduler, latents, image_embeds, batch.noise, batch.timesteps, self.dtype
            )
            self.accelerator.backward(loss)
            if self.accelerator.sync_gradients:
                self.accelerator.clip_grad_norm_(self.parameters.values(), self.config.max_grad_norm)
            self.optimizer.step()
            self.optimizer.zero_grad()
        return loss.detach()

    def is_finite(self) -> bool:
        """Whether every trained weight is a number."""
        return all(bool(torch.isfinite(parameter).all()) for parameter in self.parameters.values())

    def state(self) -> dict[str, Any]:
        """What a checkpoint needs."""
        weights = {name: parameter.detach() for name, parameter in self.parameters.items()}
        scaler = self.accelerator.scaler
        return {
            "parameters": weights,
            "optimizer": self.optimizer.state_dict(),
            "scaler": scaler.state_dict() if scaler else {},
        }

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go on where `state` was taken."""
        saved = {name: weight.shape for name, weight in state["parameters"].items()}
        if saved != {name: parameter.shape for name, parameter in self.parameters.items()}:
            raise ResumeRefused(
                "The checkpoint's weights do not fit this decoder.",
                "Resume with the stack that the run was started on.",
            )
        with torch.no_grad():
            for name, parameter in self.parameters.items():
                parameter.copy_(state["parameters"][name])
        self.optimizer.load_state_dict(state["optimizer"])
        if self.accelerator.scaler and state["scaler"]:
            self.accelerator.scaler.load_state_dict(state["scaler"])


class _LossReader:
    """Reads losses off the device: at once, but on CUDA one step late, when nothing waits for it."""

    def __init__(self, device: torch.device):
        self.late = device.type == "cuda"
        self.waiting: list[tuple[Tensor, Any]] = []

    def push(self, loss: Tensor) -> list[float]:
        """Take a step's loss; give the losses that are due."""
        event = torch.cuda.Event() if self.late else None
        self.waiting.append((loss.to("cpu", non_blocking=self.late), event))
        if event:
            event.record()
        return self.read(leave=1 if self.late else 0)

    def read(self, leave: int = 0) -> list[float]:
        """All losses but the last `leave`."""
        due = self.waiting[: len(self.waiting) - leave]
        self.waiting = self.waiting[len(due) :]
        for _, event in due:
            if event:
                event.synchronize()
        return [float(loss) for loss, _ in due]


class _Run:
    """A run in its folder: the loop, its log, its checkpoints. Only the main process writes."""

    def __init__(self, folder: Path, trainer: _Trainer, settings: dict[str, str], checkpoint: Checkpoint | None):
        self.folder, self.trainer, self.settings = folder, trainer, settings
        self.last_good = checkpoint.step if checkpoint else 0
        if checkpoint:
            trainer.load_state(checkpoint.load())
        main = trainer.accelerator.is_main_process
        self.log = LossLog(folder / "loss.jsonl", checkpoint.meta["losses"] if checkpoint else (), write=main)
        self.reader = _LossReader(trainer.accelerator.device)

    def train(
        self,
        config: FinetuneConfig,
        on_step: Callable[[StepReport], None] | None,
        should_stop: Callable[[], bool] | None,
    ) -> bool:
        """Train to `config.steps`. True: `should_stop` ended it before."""
        stopped = False
        for step in range(self.last_good + 1, config.steps + 1):
            self._report(self.reader.push(self.trainer.step(step)), config.steps, on_step)
            stopped = step < config.steps and self._is_stop_asked(should_stop)
            if stopped or step == config.steps or step % config.checkpoint_every == 0:
                self._report(self.reader.read(), config.steps, on_step)
                self._save(step)
            if stopped:
                break
        return stopped

    def _report(self, losses: list[float], steps: int, on_step: Callable[[StepReport], None] | None) -> None:
        for loss in losses:
            if not math.isfinite(loss):
                raise self._diverged(f"The loss is {loss} at step {len(self.log.losses) + 1}.")
            self.log.append(loss)
            if on_step and self.trainer.accelerator.is_main_process:
                on_step(StepReport(len(self.log.losses), steps, loss))

    def _is_stop_asked(self, should_stop: Callable[[], bool] | None) -> bool:
        """All processes stop where one is asked to."""
        asked = bool(should_stop and should_stop())
        accelerator = self.trainer.accelerator
        if accelerator.num_processes == 1:
            return asked
        return bool(accelerator.reduce(torch.tensor(float(asked), device=accelerator.device), "sum") > 0)

    def _save(self, step: int) -> None:
        if not self.trainer.is_finite():
            raise self._diverged(f"A weight is not a number after step {step}.")
        if self.trainer.accelerator.is_main_process:
            meta = {"settings": self.settings, "losses": self.log.losses}
            save_checkpoint(self.folder / "checkpoints", step, self.trainer.state(), meta)
            draw_losses(self.log.losses, self.folder / "loss.png")
        self.trainer.accelerator.wait_for_everyone()
        self.last_good = step

    def _diverged(self, cause: str) -> TrainingDiverged:
        kept = f"The checkpoint of step {self.last_good} was kept." if self.last_good else "No checkpoint was made yet."
        return TrainingDiverged(cause, f"{kept} Start again with a lower --learning-rate, or --mixed-precision no.")


def _checked(examples: Sequence[Example]) -> list[Example]:
    """In an order of their own, so that a run does not hang on the order they were given in."""
    require(len(examples) > 0, "There is no picture to fine-tune on.", "Name at least one concept that has images.")
    shapes = {(tuple(example.latents.shape), tuple(example.image_embeds.shape)) for example in examples}
    require(len(shapes) == 1, f"The examples have several shapes: {sorted(shapes)}.", "Encode all with one stack.")
    return sorted(examples, key=lambda example: (example.concept, example.image_sha))


def _start_accelerator(config: FinetuneConfig, device: torch.device) -> Accelerator:
    on_cpu = device.type == "cpu"
    refused = on_cpu and config.mixed_precision == "fp16"
    require(not refused, "--mixed-precision is fp16 and the device is a CPU.", "Give bf16 or no.")
    # accelerate's state is global and cannot change its precision or device: the last run's must not bind this one.
    alone = not PartialState._shared_state or PartialState().num_processes == 1
    AcceleratorState._reset_state(reset_partial_state=alone)
    GradientState._reset_state()
    return Accelerator(
        cpu=on_cpu,
        mixed_precision=config.mixed_precision,
        gradient_accumulation_steps=config.gradient_accumulation_steps,
    )


@contextmanager
def _randomness_kept(device: torch.device) -> Iterator[None]:
    """The caller's global randomness is after the run what it was before."""
    devices = [] if device.type == "cpu" else [torch.accelerator.current_device_index()]
    with torch.random.fork_rng(devices, device_type="cuda" if device.type == "cpu" else device.type):
        yield


@contextmanager
def _trainable(unet: Any, config: FinetuneConfig) -> Iterator[dict[str, nn.Parameter]]:
    """The weights that the method trains, in float32. Flags, modes and accelerate's wrapping go when it ends."""
    flags = {parameter: parameter.requires_grad for parameter in unet.parameters()}
    unet.requires_grad_(config.method == "full")
    if config.method == "lora":
        add_lora(unet, config.rank, seed_for(config.seed, "lora"))
    parameters = {name: parameter for name, parameter in unet.named_parameters() if parameter.requires_grad}
    for parameter in parameters.values():
        parameter.data = parameter.data.float()
    attributes = dict(vars(unet))
    unet.train()
    try:
        yield parameters
    finally:
        unet.train(attributes["training"])
        vars(unet).clear()
        vars(unet).update(attributes)
        for parameter in unet.parameters():
            parameter.requires_grad_(flags.get(parameter, False))


def _adamw(parameters: list[nn.Parameter], config: FinetuneConfig) -> torch.optim.AdamW:
    """Fused where the device has it."""
    rate, decay = config.effective_learning_rate, config.weight_decay
    try:
        return torch.optim.AdamW(parameters, lr=rate, weight_decay=decay, fused=True)
    except RuntimeError:
        return torch.optim.AdamW(parameters, lr=rate, weight_decay=decay)
