"""Captions: texts beside pictures, `0.txt` beside `0.jpg`, as kohya's scripts read them."""

from pathlib import Path

from concepts.durable import read_small
from concepts.printable import is_hidden

SUFFIX = ".txt"
MAX_BYTES = 2**16
MAX_CHARACTERS = 1000
"""CLIP reads about 75 words of a caption."""


def caption_file(picture: Path) -> Path:
    """Return the path of a picture's caption, which need not exist."""
    return picture.with_suffix(SUFFIX)


def read_caption(picture: Path) -> tuple[str | None, str]:
    """Return the caption beside a picture, or None without one; and why a caption cannot be used, else no text.

    It is the first line with words, as in kohya's scripts, with each run of blanks as one space.
    """
    path = caption_file(picture)
    if not path.name or path == picture:
        return None, ""
    try:
        text = read_small(path, MAX_BYTES).decode("utf-8-sig")
    except FileNotFoundError:
        return None, ""
    except UnicodeDecodeError:
        return None, "it is not UTF-8"
    except OSError as error:
        return None, str(error.strerror)
    line = next((one_line(line) for line in text.splitlines() if line.strip()), None)
    fault = caption_fault(line) if line else ""
    return (None, fault) if fault else (line, "")


def one_line(text: str) -> str:
    """Return a text with each run of blanks and line ends as one space."""
    return " ".join(text.split())


def caption_fault(line: str) -> str:
    """Return why a line cannot be a caption, or no text."""
    if len(line) > MAX_CHARACTERS:
        return f"it has {len(line):,} characters, more than {MAX_CHARACTERS:,}"
    return "it has invisible or control characters" if any(map(is_hidden, line)) else ""
