"""The command that draws a picture of `interpolate` or `reconstruct` again."""

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any

from lambda_studio.config import GenerateConfig
from lambda_studio.models.stacks.specification import BUILT_IN, StackSpec
from lambda_studio.pictures.texts.picture_texts import PictureTexts
from lambda_studio.settings.drawing import SIZE_FIELDS

OPTIONS = {
    "num_inference_steps": "--steps",
    "sampler": "--sampler",
    "guidance_scale": "--guidance",
    "deep_cache_interval": "--deep-cache",
}
"""The option of each setting that both commands take, beside the size."""
WITHOUT_EFFECT = {"negative_prompt", "edges_low", "edges_high", "strength", *SIZE_FIELDS}
"""Settings that change nothing in these pictures, and those of the size, which have options of their own."""


def way_to_draw(used: StackSpec, texts: PictureTexts, size: tuple[int, int]) -> str:
    """Return the remedy for a picture of no prompt: the command that draws it, and what else must be given.

    Args:
        used: the stack in use.
        texts: the picture's texts, with its origin.
        size: its width and height in pixels.
    """
    words = [*texts.origin["command"], *_options(used, texts, size)]
    more = list(_more(used, texts))
    given = f", with {' and '.join(more)}" if more else ""
    return f"Draw all of that command again{given}: studio {shlex.join(words)}"


def _options(used: StackSpec, texts: PictureTexts, size: tuple[int, int]) -> Iterator[str]:
    """Yield the options of all that differs from the command's defaults."""
    changed = _changed(used, texts)
    for setting, option in OPTIONS.items():
        if setting in changed:
            value = changed[setting]
            yield from (option, f"{value:g}" if isinstance(value, float) else str(value))
    if side := texts.settings.get("resolution"):
        yield from ("--resolution", str(side))
    elif SIZE_FIELDS & changed.keys():
        yield from ("--size", "{}x{}".format(*size))
    for sha, scale in texts.adapters:
        yield from ("--adapter", sha[:12] if scale == 1 else f"{sha[:12]}:{scale:g}")
    if not texts.adapters and texts.origin["command"][0] == "interpolate":  # whose default is auto
        yield from ("--adapter", "none")
    if texts.stack in BUILT_IN and texts.stack != used.name:
        yield from ("--stack", texts.stack)


def _more(used: StackSpec, texts: PictureTexts) -> Iterator[str]:
    """Yield what no option of the command says as it was: files, and settings that only Python takes."""
    command, *words = texts.origin["command"]
    if command == "reconstruct" and words and not texts.concepts:
        yield f"the path of {shlex.quote(words[0])}"
    if texts.stack not in BUILT_IN and texts.stack != used.name:
        yield f"--stack and the TOML file of {texts.stack[:80]}"
    for setting, value in _changed(used, texts).items():
        if setting not in OPTIONS and setting not in WITHOUT_EFFECT:
            yield f"{setting}={value!r} in Python"


def _changed(used: StackSpec, texts: PictureTexts) -> Mapping[str, Any]:
    """Return the picture's settings that differ from the defaults of its stack, or all if the stack is not known."""
    known = {each.name for each in fields(GenerateConfig)}
    stored = {name: value for name, value in texts.settings.items() if name in known}
    spec = used if texts.stack == used.name else BUILT_IN.get(texts.stack)
    config = GenerateConfig()
    default = config.preferring(spec.generate) if spec else config
    anyway = set() if spec else set(OPTIONS)
    return {name: value for name, value in stored.items() if name in anyway or value != getattr(default, name)}
