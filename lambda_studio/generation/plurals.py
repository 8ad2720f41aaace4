"""Form the plural of a class noun, for prompts such as "two <rex>s on the beach"."""

import re

_ENDING = re.compile(r"e?s(?!\w)")
_PLURAL_ALREADY = re.compile(r"[^su]s$")
_SIBILANT = re.compile(r"(s|x|z|ch|sh)$")
_CONSONANT_Y = re.compile(r"(?<=[^aeiou])y$")


def plural_ending(text: str) -> int:
    """Return the length of the plural ending, "s" or "es", with which the text after a name begins, or 0."""
    found = _ENDING.match(text)
    return found.end() if found else 0


def plural(noun: str) -> str:
    """Return the regular English plural of a noun. "glasses" and "shoes" are plurals already."""
    if _PLURAL_ALREADY.search(noun):
        return noun
    if _SIBILANT.search(noun):
        return f"{noun}es"
    return _CONSONANT_Y.sub("ies", noun) if _CONSONANT_Y.search(noun) else f"{noun}s"
