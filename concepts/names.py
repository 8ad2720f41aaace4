"""Rules for names: which are allowed, and when two are equal."""

import unicodedata

from concepts.errors import NameInvalid, NounMissing
from concepts.printable import HIDDEN, JOINERS

MAX_LENGTH = 80
"""The maximum number of characters in a name or noun, after NFC."""

_REFUSED = HIDDEN | {"Co": "private-use", "Cn": "unassigned"}


# Characters that are always invisible: joiners, variation selectors, fillers. These are the characters of Unicode's
# Default_Ignorable_Code_Point that a name may contain.
_UNSEEN = {*map(ord, JOINERS), *range(0x180B, 0x1810), *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)}
_UNSEEN |= {0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x3164, 0xFFA0}
_DELETED = dict.fromkeys(_UNSEEN)
_BRACKETS = set("<>")
_BLANK = "\u2800"  # the Braille pattern without a dot


def name_key(name: str) -> str:
    """Return the key by which names compare: NFKC and casefold to a fixed point, without invisible characters."""
    key = unicodedata.normalize("NFD", name)
    for _ in range(2):  # Unicode, D146: casefold can undo a composition, and NFKC can bring back a capital
        key = unicodedata.normalize("NFKC", key.casefold().translate(_DELETED))
    return key


def check_name(name: str, what: str = "name") -> str:
    """Return the name in NFC, stripped. Raises NameInvalid; `what` is the word for the name in its message."""
    cleaned = unicodedata.normalize("NFC", name.strip())
    if reason := _fault(cleaned):
        raise NameInvalid(f"The {what} {shown(cleaned)} {reason}.", _remedy(cleaned, what))
    return cleaned


def _remedy(name: str, what: str) -> str:
    without = "".join(character for character in name if not _BRACKETS & set(name_key(character))).strip()
    if without != name and _fault(without) is None:
        return f"Only prompts have the brackets. Give the {what} without them: {without}"
    return f"Give a {what} of 1 to {MAX_LENGTH} characters."


def check_noun(noun: str) -> str:
    """Return the class noun in NFC with single spaces.

    Raises:
        NounMissing: the noun is empty.
        NameInvalid: the noun contains characters that are not allowed or is too long.
    """
    if not noun.strip():
        raise NounMissing("The noun is missing.", "Name the kind of thing, for example: noun=dog")
    return " ".join(check_name(noun, "noun").split())


def shown(name: str) -> str:
    """Return the name quoted, escaped and shortened to MAX_LENGTH, so that a message stays on one line."""
    return _quoted(name if len(name) <= MAX_LENGTH else name[: MAX_LENGTH - 1] + "…")


def _quoted(text: str) -> str:
    # Escape every character that could change the terminal's output.
    return "'" + "".join(_escaped(character) for character in text) + "'"


def _escaped(character: str) -> str:
    if unicodedata.category(character) in _REFUSED and character not in JOINERS:
        return character.encode("unicode_escape").decode("ascii")
    return character


def _fault(name: str) -> str | None:
    if not name:
        return "is empty"
    if len(name) > MAX_LENGTH:
        return f"has {len(name)} characters"
    for character in name:
        kind = _REFUSED.get(unicodedata.category(character))
        if kind and character not in JOINERS:
            return f"contains the {kind} character U+{ord(character):04X}"
    if _BRACKETS & set(name_key(name)):  # prompts write names as <name>
        return "contains an angle bracket"
    if not any(map(_is_drawn, name)):
        return "has no visible character"
    return None


def _is_drawn(character: str) -> bool:
    unseen = ord(character) in _UNSEEN or character in _BLANK
    return not unseen and unicodedata.category(character)[0] not in "MZ"
