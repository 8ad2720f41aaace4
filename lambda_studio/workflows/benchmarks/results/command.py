"""The command of an evaluation, as its table and its report name it."""

import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path

from lambda_studio.config import BenchmarkConfig, GenerateConfig, chosen_settings

DRAWING = {
    "num_inference_steps": "--steps", "sampler": "--sampler", "guidance_scale": "--guidance",
    "resolution": "--resolution", "batch_size": "--batch-size", "seed": "--seed",
}  # fmt: skip
"""The options of the settings of drawing."""
JOINED = ("subjects", "prompts")
"""Settings whose values are one option, with commas."""


def command_of(
    words: Sequence[str], out: Path, stack: str, config: BenchmarkConfig, drawing: GenerateConfig, given: Path | None
) -> str:
    """Return the command that evaluates: all settings that differ from their defaults.

    Args:
        words: the benchmark, its folder, and options of its own.
        stack: the name of the stack, or its file.
        given: the folder of another program's pictures.
    """
    score_only = ["--score-only", str(given)] if given else []
    said = [*_of_benchmark(config), *_of_drawing(drawing), *score_only, "--stack", stack]
    return shlex.join(["studio", "evaluate", *words, "--out", str(out), *said])


def _of_benchmark(config: BenchmarkConfig) -> Iterator[str]:
    for name, value in chosen_settings(config).items():
        values = [",".join(value)] if name in JOINED else value if isinstance(value, tuple) else [value]
        for each in values:
            yield from (f"--{name.replace('_', '-')}", str(each))


def _of_drawing(config: GenerateConfig) -> Iterator[str]:
    for name, value in chosen_settings(config).items():
        if name in DRAWING:
            yield from (DRAWING[name], str(value))
