"""Drawings of a file of prompts."""

from dataclasses import replace
from pathlib import Path

from concepts.durable import read_small
from lambda_studio.config import GenerateConfig, Wanted
from lambda_studio.errors import InvalidSetting
from lambda_studio.generation.prompt_file import read_prompts
from lambda_studio.workflows.drawing.preparing import Drawing

LARGEST_FILE = 2**22
"""The maximum bytes of a file of prompts."""


def drawings_of(
    lines: Path | str, config: GenerateConfig, count: int, adapter: Wanted, edges: Path | None, out: Path
) -> list[Drawing]:
    """Return a drawing for each prompt of a file (a path) or of its text. A line's own settings come first.

    Raises InvalidSetting for a file that cannot be read, and for a line with wrong settings.
    """
    return [
        Drawing(
            prompt=each.prompt, config=_with(config, each.number, each.settings), count=count, adapter=adapter,
            edges=edges, out=out, line=each.number,
        )
        for each in read_prompts(_text(lines))
    ]  # fmt: skip


def _with(config: GenerateConfig, number: int, settings: dict) -> GenerateConfig:
    try:
        return replace(config, **settings)
    except InvalidSetting as error:
        raise InvalidSetting(f"Line {number}: {error.cause}", error.remedy, *error.fields) from error


def _text(lines: Path | str) -> str:
    if isinstance(lines, str):
        return lines
    try:
        return read_small(lines, LARGEST_FILE).decode()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text in UTF-8"
        raise InvalidSetting(f"The prompts in {lines} cannot be read ({reason}).", "Check its name.") from error
