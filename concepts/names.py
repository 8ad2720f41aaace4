"""What may be a name, and when two names are the same."""

import unicodedata

from concepts.errors import NameInvalid, NounMissing

MAX_LENGTH = 80
"""Characters in a name or noun, after NFC."""

_JOINERS = "\u200c\u200d"  # inside emoji, and in Persian and Indic words
_REFUSED = {"Cc": "control", "Cf": "invisible or direction-changing", "Cs": "surrogate", "Co": "private-use"}
_REFUSED |= {"Cn": "unassigned", "Zl": "line-break", "Zp": "line-break"}


def name_key(name: str) -> str:
    """What two names are compared by: casefold(NFKC(name))."""
    return unicodedata.normalize("NFKC", name).casefold()


def check_name(name: str, what: str = "name") -> str:
    """The name in NFC without spaces around it. Raises NameInvalid, which calls it a `what`."""
    cleaned = unicodedata.normalize("NFC", name.strip())
    if reason := _fault(cleaned):
        raise NameInvalid(f"The {what} {shown(cleaned)} {reason}.", f"Give a {what} of 1 to {MAX_LENGTH} characters.")
    return cleaned


def check_noun(noun: str) -> str:
    """The class noun in NFC with single spaces. Raises NounMissing or NameInvalid."""
    if not noun.strip():
        raise NounMissing("The noun is missing.", "Say what kind of thing it is, for example: --noun dog")
    return " ".join(check_name(noun, "noun").split())


def shown(name: str) -> str:
    """The name quoted and escaped for a message: one line, never longer than a name may be."""
    return _quoted(name if len(name) <= MAX_LENGTH else name[: MAX_LENGTH - 1] + "…")


def _quoted(text: str) -> str:
    # Whatever could change how a terminal shows it is escaped.
    return "'" + "".join(_escaped(character) for character in text) + "'"


def _escaped(character: str) -> str:
    if unicodedata.category(character) in _REFUSED and character not in _JOINERS:
        return character.encode("unicode_escape").decode("ascii")
    return character


def _fault(name: str) -> str | None:
    if not name:
        return "is empty"
    if len(name) > MAX_LENGTH:
        return f"has {len(name)} characters"
    for character in name:
        kind = _REFUSED.get(unicodedata.category(character))
        if kind and character not in _JOINERS:
            return f"holds the {kind} character U+{ord(character):04X}"
    if set("<>") & set(name_key(name)):  # prompts write names as <name>
        return "holds an angle bracket"
    if all(character in _JOINERS or unicodedata.category(character)[0] in "MZ" for character in name):
        return "shows nothing"
    return None
