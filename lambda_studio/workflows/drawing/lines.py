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
    lines: Path | str | bytes, config: GenerateConfig, count: int, adapter: Wanted, edges: Path | None, out: Path
) -> list[Drawing]:
    """Return a drawing for each prompt of a file (a path), its bytes or its text. A line's own settings come first.

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


def _text(lines: Path | str | bytes) -> str:
    where = f"in {lines}" if isinstance(lines, Path) else "of the input"
    if isinstance(lines, str):
        return lines
    try:
        content = read_small(lines, LARGEST_FILE) if isinstance(lines, Path) else lines
        if len(content) > LARGEST_FILE:
            raise InvalidSetting(f"The prompts {where} have more than {LARGEST_FILE} bytes.", "Give them in parts.")
        return content.decode()
    except OSError as error:
        raise InvalidSetting(f"The prompts {where} cannot be read ({error.strerror}).", "Check its name.") from error
    except UnicodeDecodeError as error:
        raise InvalidSetting(f"The prompts {where} are no text in UTF-8.", "Save them as UTF-8.") from error
