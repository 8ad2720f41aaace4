"""Text from strangers, made safe to print: file names, bundles' fields, error texts.

The engine and the command line may import this module. It imports nothing of the registry.
"""

import json
import unicodedata

JOINERS = "\u200c\u200d"
"""Characters inside emoji, and in Persian and Indic words."""
HIDDEN = {
    "Cc": "control",
    "Cf": "invisible or direction-changing",
    "Cs": "surrogate",
    "Zl": "line-break",
    "Zp": "line-break",
}
"""The categories of characters that could change what a terminal shows."""


def printable(text: str) -> str:
    """Return the text on one line, with an escape for every character that could change what a terminal shows."""
    return text if text.isascii() and text.isprintable() else "".join(map(_escaped, text))


def printable_json(text: str) -> str:
    """Return JSON, with JSON's own escapes for the same characters. It stands for the same values."""
    if text.isascii() and "\x7f" not in text:
        return text
    return "".join(json.dumps(each)[1:-1] if each != "\n" and is_hidden(each) else each for each in text)


def is_hidden(character: str) -> bool:
    """Return whether a character could change what a terminal shows."""
    return unicodedata.category(character) in HIDDEN and character not in JOINERS


def has_control(text: str) -> bool:
    """Return whether the text has a control character, a line break or half a surrogate pair."""
    return any(unicodedata.category(each) in ("Cc", "Cs", "Zl", "Zp") for each in text)


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii") if is_hidden(character) else character
