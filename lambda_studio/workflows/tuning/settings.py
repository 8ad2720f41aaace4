"""A run's stored settings, and whether this version can resume the run."""

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

from concepts.records import RunRecord
from lambda_studio.config import FinetuneConfig, chosen_settings
from lambda_studio.errors import ResumeRefused
from lambda_studio.formats import FORMAT, UPDATE, format_of, too_new
from lambda_studio.models.stacks.specification import STEPS_FOR_ONE
from lambda_studio.settings.finetuning import LORA_ONLY
from lambda_studio.settings.written import written

RUN_FORMAT = 1


def with_steps(config: FinetuneConfig, concepts: int, *, for_thirty: int) -> FinetuneConfig:
    """Return the settings with steps for this many concepts, if steps were not given.

    They lie on the line through those for one concept and for thirty, also beyond thirty.
    """
    if "steps" in config.given:
        return config
    return replace(config, steps=STEPS_FOR_ONE + (for_thirty - STEPS_FOR_ONE) * (concepts - 1) // 29)


def unusual(chosen: Mapping[str, Any], preferences: Mapping[str, Any]) -> dict[str, Any]:
    """Return the steps, and the settings that a run would not have by itself.

    The steps are always told, because their default follows the number of concepts.

    Args:
        chosen: the settings of a run that differ from their defaults.
        preferences: those that its stack prefers.
    """
    defaults = {field.name: field.default for field in fields(FinetuneConfig)}
    usual = {name: preferences.get(name, default) for name, default in defaults.items()}
    values = {**defaults, **chosen}
    if values["method"] != "lora":
        values = {name: value for name, value in values.items() if name not in ("rank", *LORA_ONLY)}
    return {name: value for name, value in values.items() if name == "steps" or value != usual.get(name)}


def idle(config: FinetuneConfig) -> dict[str, str]:
    """Return each setting that is not at its default and changes nothing beside the others, with the reason."""
    schedule, default = config.lr_scheduler, FinetuneConfig()
    reasons = {
        "background_weight": None if config.masked_loss else "without masked_loss=True",
        "lr_num_cycles": None if schedule == "cosine_with_restarts" else f"with lr_scheduler={schedule}",
        "lr_power": None if schedule == "polynomial" else f"with lr_scheduler={schedule}",
        "preview_prompts": "with preview_every=0" if config.preview_every == 0 else None,
        "rank": None if config.method == "lora" else f"with method={config.method}",
    }
    return {name: why for name, why in reasons.items() if why and getattr(config, name) != getattr(default, name)}


def without_effect(config: FinetuneConfig) -> list[str]:
    """Return a sentence for each `idle` setting, and for a warm-up that is too long."""
    said = [f"{name}={written(getattr(config, name))} has no effect {why}." for name, why in idle(config).items()]
    if config.lr_warmup_steps > config.steps:
        long = f"The warm-up has {config.lr_warmup_steps} steps and the training {config.steps}"
        said.append(f"{long}: the full learning rate is not reached.")
    return said


def ended_early(steps: int, planned: int, kept: int | None) -> dict[str, int]:
    """Return how a training ended, for `settings_row`."""
    return ({"steps": steps} if steps < planned else {}) | ({"kept": kept} if kept is not None else {})


def settings_row(
    stack: str, stack_source: str, config: FinetuneConfig, ended: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return the settings that a run stores: its stack, and each setting that differs from its default.

    `ended` is how the training ended, if it was not at the last step: its `steps`, and the step that was `kept`.
    """
    row = {FORMAT: RUN_FORMAT, "stack": stack, "stack_source": stack_source, "config": chosen_settings(config)}
    return row if not ended else {**row, "ended": dict(ended)}


def require_known_settings(run: RunRecord) -> None:
    """Raise ResumeRefused if a run has a format or a setting that this version does not know."""
    if (number := format_of(run.settings)) > RUN_FORMAT:
        raise ResumeRefused(too_new(f"Run {run.id}", number, RUN_FORMAT), UPDATE)
    known = {field.name for field in fields(FinetuneConfig)}
    unknown = {name: value for name, value in run.settings["config"].items() if name not in known}
    if unknown:
        said = ", ".join(f"{name} = {value}" for name, value in unknown.items())
        cause = f"Run {run.id} was started with settings that this version of λ-Studio does not know: {said}."
        raise ResumeRefused(cause, "Resume with the version that started it, or start a new run without resume=True.")
