"""DreamBench's file of nouns, as its authors published it."""

from pathlib import Path

from concepts.durable import read_small

CLASSES = "prompts_and_classes.txt"
MAX_TEXT_BYTES = 2**20
"""The most bytes of a file of nouns or a list of concepts."""


def read_classes(path: Path) -> dict[str, str]:
    """Return the nouns in DreamBench's file, by subject. Raises ValueError if it has no table of them, OSError."""
    return classes_in(read_text(path))


def classes_in(text: str) -> dict[str, str]:
    """Return the nouns in the text of DreamBench's file, by subject. Raises ValueError if it has no table of them."""
    lines = iter(text.splitlines())
    if not any(line.replace(" ", "") == "subject_name,class" for line in lines):
        raise ValueError("it has no line subject_name,class")
    classes: dict[str, str] = {}
    for line in lines:
        name, comma, noun = line.partition(",")
        if not comma:
            break
        classes[name.strip()] = noun.strip()
    return classes


def read_text(path: Path) -> str:
    """Return the text of a small file in UTF-8, with or without a byte-order mark. Raises ValueError, OSError."""
    return read_small(path, MAX_TEXT_BYTES).decode("utf-8-sig")
