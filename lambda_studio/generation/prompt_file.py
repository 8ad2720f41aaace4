"""Read files of prompts: one a line, with comments, and with options behind a prompt as kohya's scripts take them."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from lambda_studio.errors import InvalidSetting

MOST_LINES = 10_000
OPTIONS: dict[str, tuple[str, type]] = {
    "n": ("negative_prompt", str),
    "w": ("width", int),
    "h": ("height", int),
    "d": ("seed", int),
    "l": ("guidance_scale", float),
    "s": ("num_inference_steps", int),
}
"""The setting behind each letter, as in kohya's `--sample_prompts`."""
LETTERS = {setting: f"--{letter}" for letter, (setting, _) in OPTIONS.items()}
"""The option of each setting."""
_OPTION = re.compile(r"(?:^|\s)--([A-Za-z]+)(?=\s|$)")
_JOINED = re.compile(rf"(?<![\s-])--([{''.join(OPTIONS)}])(?=\s|$)")
"""An option without a space before it, which would be words of the prompt."""


@dataclass(frozen=True)
class PromptLine:
    """A prompt of a file, with the settings behind it."""

    number: int | None
    """Its number in a file of several lines."""
    prompt: str
    settings: dict[str, Any]


def read_prompts(text: str) -> list[PromptLine]:
    """Return the prompts of a file. Empty lines and lines that begin with `#` are left out.

    Raises InvalidSetting, with the number of the line, for an unknown option and a value of a wrong kind.
    """
    lines = list(_lines(text))
    if not lines:
        raise InvalidSetting("The file has no prompts.", "Write one a line. Lines that begin with # are comments.")
    if len(lines) > MOST_LINES:
        raise InvalidSetting(f"The file has {len(lines)} prompts.", f"Give up to {MOST_LINES}.")
    return lines


def read_prompt(line: str, number: int | None = None) -> PromptLine:
    """Return one prompt with the settings behind it. Raises as `read_prompts`, and for halves of surrogate pairs."""
    where = "" if number is None else f"Line {number}: "
    if any("\ud800" <= character <= "\udfff" for character in line):  # bytes that are not UTF-8
        raise InvalidSetting(f"{where}The prompt is no text in UTF-8.", "Write it in UTF-8.")
    if joined := _JOINED.search(line):
        before = line[max(0, joined.start() - 20) : joined.end()].strip()
        remedy = f"Write a space: --{joined[1]} ({OPTIONS[joined[1]][0]}) ends the prompt, or the option before it."
        raise InvalidSetting(f"{where}There is no space before --{joined[1]} in “{before}”.", remedy)
    prompt, *options = _OPTION.split(line)
    return PromptLine(number, prompt.strip(), _settings(where, options))


def _lines(text: str) -> Iterator[PromptLine]:
    for number, line in enumerate(text.removeprefix("\ufeff").splitlines(), start=1):
        if line.strip() and not line.lstrip().startswith("#"):
            yield read_prompt(line, number)


def _settings(where: str, options: Sequence[str]) -> dict[str, Any]:
    """Read letters and values in turn."""
    found: dict[str, Any] = {}
    for letter, value in zip(options[::2], options[1::2], strict=True):
        known = OPTIONS.get(letter)
        if known is None:
            remedy = f"Known are: {', '.join(f'--{each} ({setting})' for each, (setting, _) in OPTIONS.items())}."
            raise InvalidSetting(f"{where}--{letter} is no option of a prompt.", remedy)
        setting, kind = known
        if setting in found:
            raise InvalidSetting(f"{where}--{letter} ({setting}) is given twice.", "Give it once.")
        if not value.strip():
            raise InvalidSetting(f"{where}--{letter} ({setting}) has no value.", "Give one, or leave it out.")
        try:
            found[setting] = kind(value.strip())
        except ValueError as error:
            cause = f"{where}--{letter} ({setting}) is {value.strip()[:40]!r}."
            raise InvalidSetting(cause, "Give a number.") from error
    return found
