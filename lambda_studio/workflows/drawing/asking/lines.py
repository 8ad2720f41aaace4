"""Drawings of a file of prompts."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from concepts.durable import read_small
from lambda_studio.errors import InvalidSetting
from lambda_studio.generation.prompt_file import LETTERS, PromptLine, read_prompt, read_prompts
from lambda_studio.workflows.drawing.asking.preparing import Drawing, line_told

LARGEST_FILE = 2**22
"""The maximum bytes of a file of prompts."""


def drawings_of(lines: Path | str | bytes, wishes: Drawing) -> list[Drawing]:
    """Return a drawing for each prompt of a file (a path), its bytes or its text. A line's own settings come first.

    `wishes` says all else. Raises InvalidSetting for a file that cannot be read, and for a line with wrong settings.
    """
    return [_drawing(each, wishes) for each in read_prompts(_text(lines))]


def drawing_of(line: str, wishes: Drawing, number: int | None = None) -> Drawing:
    """Return the drawing of one prompt, with the settings behind it.

    Args:
        number: the line's number, which refusals name.

    Raises InvalidSetting for wrong settings, and for a text that is not UTF-8.
    """
    return _drawing(read_prompt(line, number), wishes)


def _drawing(line: PromptLine, wishes: Drawing) -> Drawing:
    with line_told(line.number), _by_letter(line):
        config = replace(wishes.config, **line.settings)
    return replace(wishes, prompt=line.prompt, config=config, line=line.number)


@contextmanager
def _by_letter(line: PromptLine) -> Iterator[None]:
    """Name a wrong setting of a line by the option that was written, such as `--s`."""
    try:
        yield
    except InvalidSetting as error:
        cause, remedy = error.cause, error.remedy
        for setting in line.settings:
            cause, remedy = (re.sub(rf"\b{setting}\b", LETTERS[setting], text) for text in (cause, remedy))
        raise InvalidSetting(cause, remedy, *(field for field in error.fields if field not in line.settings)) from error


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
