"""Read a noun from the name of a folder or from a prompt, or say why there is none."""

import re
from dataclasses import dataclass

from lambda_studio.bundles.layouts.words import GENERIC, JOINING, NAMES, RARE, SPOKEN

_PICTURE = (
    r"(?:close-?up|photo(?:graph)?|picture|pic|image|painting|rendering|rendition|portrait|drawing|shot|selfie)s?"
)
_TOKEN = re.compile(r"<[^<>]*>|\[[A-Z0-9*]+\]|\*|\bS\*")
_ARTICLE = re.compile(r"(?:(?:an?|the|one|my|our|his|her|its|this|that)\s+)+", re.IGNORECASE)
_DATE = re.compile(r"(?:19|20)\d\d(?:[-_. ]?(?:0[1-9]|1[0-2])(?:[-_. ]?[0-3]\d)?)?")
_CAMERAS = re.compile(r"[1-9]\d\d[A-Z0-9_]{5}")
"""A camera's folder of pictures: `100APPLE`, `100_PANA` (DCF, the Design rule for Camera File system)."""
NOT_A_SUBJECT = "folder, not a subject"
A_GUESS = "a guess from its folder's name"
MOST_WORDS = 3
"""A noun with more words is a sentence. `stuffed animal` has two."""


@dataclass(frozen=True)
class GuessedNoun:
    """A noun and where it is from; or None, and why the source does not say it."""

    noun: str | None
    source: str
    is_guess: bool = False


def why_no_noun(text: str) -> str | None:
    """Return why a text is no noun (a path, a rare token, a sentence), or None if it may be one."""
    words = text.split()
    if not words:
        return "is empty"
    if re.search(r"[\\/]|\.(?:txt|json|jpe?g|png)$", text):
        return "is a path"
    if len(words) > MOST_WORDS or JOINING & {word.casefold() for word in words} or re.search(r"[,.;:!?]", text):
        return "is a sentence"
    if _TOKEN.search(text) or any(map(is_rare, words)):
        return "is a trainer's token" if len(words) == 1 else "contains a trainer's token"
    return None


def has_name(noun: str) -> bool:
    """Return whether a noun has a word that is rather a pet's name than the kind of a thing: `rex`, `mia cat`."""
    return not NAMES.isdisjoint(noun.casefold().split())


def is_cameras(name: str) -> bool:
    """Return whether a camera gave a folder its name: `100APPLE`."""
    return bool(_CAMERAS.fullmatch(name)) and not _DATE.fullmatch(name)


def is_rare(word: str) -> bool:
    """Return whether a word looks like a trainer's token: a known one, or one that cannot be spoken."""
    low = word.casefold()
    parts = re.split(r"[_\-]", low)
    if len(parts) > 1:
        return any(map(is_rare, filter(None, parts)))
    unspoken = low.isascii() and low.isalpha() and not set(low) & set("aeiouy") and low not in SPOKEN
    return (
        low in RARE or (unspoken and len(low) > 1) or bool(re.fullmatch(r"[^\W\d]+\d+[^\W\d]+\w*|\d+[^\W\d]+\d+", low))
    )


def noun_in_name(name: str) -> GuessedNoun:
    """Return the words of a folder's name: `toyPoodle_02 (final)` -> `toy poodle`, or `thing` if it has none."""
    if is_cameras(name) or _DATE.fullmatch(name):
        return GuessedNoun(None, f"is a {'camera' if is_cameras(name) else 'date'}'s {NOT_A_SUBJECT}")
    bare = re.sub(r"\(.*?\)|\[.*?\]|\bv\d+\b", " ", name, flags=re.IGNORECASE)
    spaced = re.sub(r"(?<=[^\W\d_A-Z])[A-Z](?=[^\W\d_A-Z])", lambda start: f" {start[0].lower()}", bare)
    noun = _without_article(" ".join(re.findall(r"[^\W\d_]+", spaced)))
    if not noun:
        return GuessedNoun("thing", f"a stand-in: {name!r} has no words", is_guess=True)
    if {word.casefold() for word in noun.split()} <= GENERIC:
        return GuessedNoun(None, f"{noun!r} does not say what the subject is")
    why = why_no_noun(noun)
    return GuessedNoun(None, f"{noun!r} {why}") if why else GuessedNoun(noun, A_GUESS, is_guess=True)


def noun_in_prompt(prompt: str) -> str | None:
    """Return the noun of a class prompt: `a photo of a cat, highly detailed` -> `cat`. Else None."""
    if re.search(r"[\\/]", prompt):
        return None
    text = prompt.strip().partition(",")[0].rstrip(" .!")
    text = re.sub(rf"^.*\b{_PICTURE}\s+of\s+", "", text, flags=re.IGNORECASE)
    noun = _without_article(text)
    return None if why_no_noun(noun) else noun


def noun_after_token(prompt: str) -> str | None:
    """Return the noun that follows the trainer's token in an instance prompt: `photo of a <new1> cat` -> `cat`."""
    words = _TOKEN.sub(" sks ", prompt.partition(",")[0]).split()
    tokens = [at for at, word in enumerate(words) if is_rare(word)]
    return noun_in_prompt(" ".join(words[tokens[-1] + 1 :])) if tokens else None


def _without_article(text: str) -> str:
    found = _ARTICLE.match(text)
    return text[found.end() :] if found else text
