"""The description of a run, and the check that the run can resume."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, fields
from itertools import groupby
from pathlib import Path

import torch
from torch import nn

from concepts.durable import make_folder
from lambda_studio.config import FinetuneConfig
from lambda_studio.errors import OutputExists, ResumeRefused
from lambda_studio.formats import UPDATE
from lambda_studio.training.checkpoints.checkpoint import Checkpoint, latest_checkpoint
from lambda_studio.training.examples import Example

Settings = dict[str, str]
"""The values that a run depends on, as readable text. Settings at their default are left out."""
MAY_CHANGE = (
    "steps",
    "checkpoint_every",
    "gradient_checkpointing",
    "resolution",
    "preview_every",
    "preview_prompts",
    "report_to",
)
"""Settings that a resumed run may change: no random value depends on them, and the examples are already encoded."""
CONCEPT = "concept "
"""The prefix of a concept's entry."""


def describe_run(config: FinetuneConfig, examples: Sequence[Example], unet: nn.Module, processes: int) -> Settings:
    """Return everything that the trained bits depend on, except settings at their default.

    A setting that a later version adds therefore does not change the description of earlier runs.
    """
    defaults = _defaults(config.method)
    chosen = {name: value for name, value in _settings(config).items() if value != defaults[name]}
    if config.lr_scheduler != "constant":
        chosen["steps"] = str(config.steps)  # every step's learning rate depends on the number of steps
    # of several processes, earlier versions drew each one's noise apart
    chosen["processes"] = "1" if processes == 1 else f"{processes} with one draw"
    shapes = sorted({tuple(example.latents.shape) for example in examples})
    chosen["latents"] = ", ".join("x".join(map(str, shape)) for shape in shapes)
    chosen["decoder"] = _identity(unet, values=config.method == "lora")
    for concept, group in groupby(examples, key=lambda example: example.concept):
        images = list(group)
        chosen[f"{CONCEPT}{concept}"] = f"{len(images)} images ({_digest(images)})"
    return chosen


def _settings(config: FinetuneConfig) -> Settings:
    """Return every setting that the trained bits depend on."""
    chosen = {name: value for name, value in asdict(config).items() if name not in MAY_CHANGE}
    chosen["learning_rate"] = config.effective_learning_rate
    if config.lora_alpha == config.rank:
        chosen["lora_alpha"] = None  # the default
    if config.method == "full":
        del chosen["rank"]
    return {name: str(value) for name, value in chosen.items()}


def _defaults(method: str) -> Settings:
    """Return the settings of a run of this method with all other settings at their default."""
    default = FinetuneConfig()
    return {**_settings(FinetuneConfig(method="full") if method == "full" else default), "method": default.method}


def _digest(examples: Sequence[Example]) -> str:
    digest = hashlib.sha256()
    for example in examples:
        digest.update(example.image_sha.encode())
        for tensor in (example.latents, example.image_embeds, *([] if example.mask is None else [example.mask])):
            digest.update(tensor.detach().to("cpu", torch.float32).contiguous().numpy().tobytes())
    return digest.hexdigest()[:12]


def _identity(unet: nn.Module, values: bool) -> str:
    """Return a hash of all names and shapes, and with `values` of the first values: cheap, and sufficient."""
    digest = hashlib.sha256()
    for name, weight in unet.state_dict().items():
        digest.update(f"{name}{tuple(weight.shape)}".encode())
        if values:
            digest.update(weight.flatten()[:64].to("cpu", torch.float32).numpy().tobytes())
    return digest.hexdigest()[:12]


def holds_a_run(folder: Path) -> bool:
    """Return whether training has begun in this folder."""
    return (folder / "loss.jsonl").exists() or any(folder.glob("checkpoints/step-*"))


def open_run(folder: Path, resume: bool, settings: Settings, steps: int) -> Checkpoint | None:
    """Return the checkpoint to continue from, or None for a start at step 0.

    Raises:
        OutputExists: the folder holds a run, and `resume` is false.
        ResumeRefused: there is no intact checkpoint to resume from, or the settings differ.
    """
    if not resume and holds_a_run(folder):
        raise OutputExists(f"{folder} already holds a run.", "Continue with resume=True, or give another folder.")
    if resume and not holds_a_run(folder):
        raise ResumeRefused(f"There is no run in {folder}.", "Start one without resume=True.")
    make_folder(folder)
    checkpoint = latest_checkpoint(folder / "checkpoints")
    if checkpoint is None and any(folder.glob("checkpoints/step-*")):
        raise ResumeRefused(f"Every checkpoint in {folder} is damaged.", "Start a new run in another folder.")
    if checkpoint:
        _check_resumable(checkpoint, settings, steps)
    return checkpoint


def _check_resumable(checkpoint: Checkpoint, settings: Settings, steps: int) -> None:
    saved = checkpoint.meta.get("settings")
    if not isinstance(saved, dict):
        cause = f"The checkpoint {checkpoint.folder} does not say with which settings it was made."
        raise ResumeRefused(cause, "Delete its folder, then resume from the one before.")
    before, now = _with_defaults(saved), _with_defaults(settings)
    _refuse_unknown(before, now)
    _refuse_changed(before, now)
    if checkpoint.step > steps:
        raise ResumeRefused(
            f"The run is at step {checkpoint.step}, and steps is {steps}.", f"Give {checkpoint.step} or more.", "steps"
        )


def _with_defaults(settings: Settings) -> Settings:
    """Add the settings at their default. Version 0.1 wrote every setting, and all of its settings are known here."""
    return {**_defaults(settings.get("method", "")), **settings}


def require_same(before: FinetuneConfig, now: FinetuneConfig, given: Collection[str]) -> None:
    """Raise ResumeRefused if a setting differs that the trained bits depend on. It names those that were `given`."""
    theirs, ours = _settings(before), _settings(now)
    differ = [name for name in {**theirs, **ours} if theirs.get(name) != ours.get(name)]
    named = [name for name in differ if name in given] or differ  # another method has another shape, too
    _refuse_changed({name: theirs.get(name) for name in named}, {name: ours.get(name) for name in named})


def _refuse_changed(before: Mapping[str, str | None], now: Mapping[str, str | None]) -> None:
    names = [name for name in {**before, **now} if before.get(name) != now.get(name)]
    if names:
        changes = "; ".join(f"{name}: {_said(before.get(name))} -> {_said(now.get(name))}" for name in names)
        raise ResumeRefused(
            f"The run was started with other settings: {changes}.",
            "Give the same settings as before, or start a new run without resume=True.",
            *names,
        )


def _said(value: str | None) -> str:
    """Return a value of a description as people write it."""
    return {None: "none", "None": "none", "True": "on", "False": "off"}.get(value, value or "")


def _refuse_unknown(before: Settings, now: Settings) -> None:
    """Refuse unknown settings of a newer version: a setting that was written was not at its default."""
    known = {field.name for field in fields(FinetuneConfig)} | now.keys()
    unknown = [name for name in before if name not in known and not name.startswith(CONCEPT)]
    if unknown:
        said = ", ".join(f"{name} = {_said(before[name])}" for name in unknown)
        raise ResumeRefused(f"The run was started with settings that this version does not know: {said}.", UPDATE)
