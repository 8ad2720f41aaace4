"""The numbers of images, which a user may also call by their file names."""

import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn, TypeVar

from lambda_studio.errors import InvalidSetting

Called = int | str
"""An image's number, from 1, or the name of its file: `IMG_1.jpg`, or `dog/IMG_1.jpg` where several have that name."""
MOST_NAMES = 8
MARKS = "masks, boxes, points or ways"
Mark = TypeVar("Mark")


class Numbering:
    """Finds the numbers of images; `owner` is what has them, for messages."""

    def __init__(self, files: Sequence[Path | str], owner: str):
        self._files, self._owner = [Path(file) for file in files], owner

    def number(self, called: Called) -> int:
        """Return the number of an image. Raises InvalidSetting if there is none, or several have this file name."""
        if isinstance(called, int):
            if not 1 <= called <= len(self._files):
                self._refuse(f"{self._owner} has no image {called}.")
            return called
        numbers = self._named(called)
        if not numbers:
            self._refuse(f"{self._owner} has no image {called!r}.")
        if len(numbers) > 1:
            cause = f"{called!r} is the name of images {', '.join(map(str, numbers))} of {self._owner}."
            raise InvalidSetting(cause, "Give a number. A sheet of the masks (--sheet FILE.png) shows which is which.")
        return numbers[0]

    def numbers(self, marks: Mapping[Called, Mark], what: str = MARKS) -> dict[Called, Mark]:
        """Return the marks by the numbers of their images. Raises InvalidSetting, also for two marks of one image.

        `what` says what they are, for messages.
        """
        numbered: dict[Called, Mark] = {}
        for called, mark in marks.items():
            number = self.number(called)
            if number in numbered:
                cause = f"Image {number} ({self._files[number - 1].name}) is given two {what}."
                raise InvalidSetting(cause, "Give it one.")
            numbered[number] = mark
        return numbered

    def _named(self, called: str) -> list[int]:
        """Return the images whose file is called so: exactly, else without regard to case and Unicode forms."""
        for spelled in (str, _folded):
            end = Path(spelled(called)).parts
            files = [Path(spelled(str(file))).parts for file in self._files]
            if numbers := [number for number, parts in enumerate(files, start=1) if end and parts[-len(end) :] == end]:
                return numbers
        return []

    def _refuse(self, cause: str) -> NoReturn:
        shown = [f"{number} ({file.name})" for number, file in enumerate(self._files[:MOST_NAMES], start=1)]
        more = len(self._files) - MOST_NAMES
        shown += [f"and {more} more"] if more > 0 else []
        raise InvalidSetting(cause, f"It has {'images' if len(self._files) > 1 else 'only image'} {', '.join(shown)}.")


def _folded(text: str) -> str:
    return unicodedata.normalize("NFC", text).casefold()
