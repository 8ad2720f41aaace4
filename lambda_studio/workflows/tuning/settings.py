"""What a run's row keeps of how it was started, and whether this version can go on with it."""

from dataclasses import fields
from typing import Any

from concepts.records import RunRecord
from lambda_studio.config import FinetuneConfig, chosen_settings
from lambda_studio.errors import ResumeRefused
from lambda_studio.formats import FORMAT, UPDATE, format_of, too_new

RUN_FORMAT = 1


def settings_row(stack: str, stack_source: str, config: FinetuneConfig) -> dict[str, Any]:
    """Return what the row of a new run keeps: its stack, and the settings that are not at their default."""
    return {FORMAT: RUN_FORMAT, "stack": stack, "stack_source": stack_source, "config": chosen_settings(config)}


def require_known_settings(run: RunRecord) -> None:
    """Raise ResumeRefused where a run was started with a format or a setting that this version does not have."""
    if (number := format_of(run.settings)) > RUN_FORMAT:
        raise ResumeRefused(too_new(f"Run {run.id}", number, RUN_FORMAT), UPDATE)
    known = {field.name for field in fields(FinetuneConfig)}
    unknown = {name: value for name, value in run.settings["config"].items() if name not in known}
    if unknown:
        said = ", ".join(f"{name} = {value}" for name, value in unknown.items())
        cause = f"Run {run.id} was started with settings that this version of λ-Studio does not have: {said}."
        raise ResumeRefused(cause, "Go on with the version that started it, or start a new run without --resume.")
