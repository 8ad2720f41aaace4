"""Fine-tuning the decoder on many concepts at once (λ-ECLIPSE, Eq. 2 and appendix D), on encoded pictures."""

from collections.abc import Sequence
from pathlib import Path

from lambda_studio.config import FinetuneConfig
from lambda_studio.models.decoders.protocol import Decoder
from lambda_studio.training.examples import Example
from lambda_studio.training.hooks import NO_HOOKS, Hooks
from lambda_studio.training.objectives.objectives import DecoderObjective
from lambda_studio.training.optimisation.optimiser import TrainConfig
from lambda_studio.training.optimisation.schedules import schedule_named
from lambda_studio.training.trainer import TrainResult, train


def finetune_decoder(
    decoder: Decoder,
    examples: Sequence[Example],
    config: FinetuneConfig,
    folder: Path,
    resume: bool = False,
    hooks: Hooks = NO_HOOKS,
) -> TrainResult:
    """Train `decoder.unet` in place (a LoRA stays on it); write `loss.jsonl`, `loss.png` and checkpoints to `folder`.

    Give a freshly loaded `decoder`, also to resume: the LoRA of an earlier run is removed. The trained weights become
    float32.

    Raises:
        InvalidSetting: no examples, examples of several stacks, or fp16 on a CPU.
        StudioError: every error of `train`.
    """
    return finetune(DecoderObjective(decoder, examples, config, board=hooks.board), folder, resume, hooks)


def finetune(objective: DecoderObjective, folder: Path, resume: bool = False, hooks: Hooks = NO_HOOKS) -> TrainResult:
    """Train as `finetune_decoder` does. Raises every error of `train`."""
    return train(objective, train_config(objective.config), folder, resume, hooks)


def train_config(config: FinetuneConfig) -> TrainConfig:
    """Return the training loop's part of the settings."""
    return TrainConfig(
        steps=config.steps,
        learning_rate=config.effective_learning_rate,
        optimizer=config.optimizer,
        schedule=schedule_named(
            config.lr_scheduler, config.steps, config.lr_warmup_steps, config.lr_num_cycles, config.lr_power
        ),
        compile=config.compile,
        weight_decay=config.weight_decay,
        max_grad_norm=config.max_grad_norm,
        gradient_accumulation_steps=config.gradient_accumulation_steps,
        mixed_precision=config.mixed_precision,
        ema_decay=config.ema_decay,
        checkpoint_every=config.checkpoint_every,
        seed=config.seed,
    )
