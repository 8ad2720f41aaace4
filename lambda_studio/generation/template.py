"""Parse prompts as users write them: where names are, how much each counts, and which of its images are meant."""

import difflib
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from lambda_studio.errors import PromptInvalid

EXCERPT = 60
"""Characters shown on each side of an error's position."""
ANY = "*"
"""The name that stands for each concept of a library in turn: `<*>`, or `<*:dog>` for those of a noun."""
HEAVIEST = 2.0
"""The largest weight of a name. The subject's embedding is then twice as far from the noun's states."""
_ESCAPED_IN_TEXT = re.compile(r"\\([<>\\])")
_ESCAPED_IN_NAME = re.compile(r"\\([:#*\\])")
_CONTENT = re.compile(
    r"(?P<name>(?:\\.|[^\\]|\\$)*?)(?:#(?P<images>\d{1,4}(?:\s*,\s*\d{1,4})*))?\s*(?::\s*(?P<weight>\d*\.?\d+))?",
    re.DOTALL,
)
"""A name, then `#2` or `#1,3` for some of its images, then `:0.8` for its weight."""


@dataclass(frozen=True)
class Reference:
    """One occurrence of `<name>`: the characters [start, end) of its template, brackets included."""

    name: str
    start: int
    end: int
    images: tuple[int, ...] = ()
    """Which of its reference images are meant, from 1; empty is all of them."""
    weight: float = 1.0
    """How much the subject counts: 0 is its noun alone, 1 is its embedding in place of the noun's states."""
    any_of: str | None = None
    """Of a wildcard: the noun whose concepts it stands for, or "" for all concepts."""


@dataclass(frozen=True)
class Template:
    """A prompt as the user wrote it, and its references to subjects."""

    text: str
    references: tuple[Reference, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Each subject once, in its first spelling, in the order of the prompt."""
        first: dict[str, str] = {}
        for reference in self.references:
            if reference.any_of is None:
                first.setdefault(name_key(reference.name), reference.name)
        return tuple(first.values())

    @property
    def wildcards(self) -> tuple[str, ...]:
        """The noun of each wildcard once, in the order of the prompt."""
        return tuple(dict.fromkeys(each.any_of for each in self.references if each.any_of is not None))


# Joiners, variation selectors and fillers: never drawn.
_UNSEEN = {0x34F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x200C, 0x200D, 0x3164, 0xFFA0}
_UNSEEN |= {*range(0x180B, 0x1810), *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)}
_DELETED = dict.fromkeys(_UNSEEN)


def name_key(name: str) -> str:
    """Return the key for comparing names. The registry uses the same key; a test checks that both agree."""
    key = unicodedata.normalize("NFD", name)
    for _ in range(2):
        key = unicodedata.normalize("NFKC", key.casefold().translate(_DELETED))
    return key


def parse(template: str) -> Template:
    """Find every `<name>`, `<name:WEIGHT>`, `<name#IMAGE>` and wildcard. `\\<` is no bracket.

    Raises PromptInvalid, with a caret under the position, for malformed brackets, weights and numbers of images.
    """
    references: list[Reference] = []
    opened: int | None = None
    for place, character in _unescaped(template):
        if character == "<":
            if opened is not None:
                raise _invalid(template, place, "A name begins inside another name", "Close the first with >.")
            opened = place
        elif character == ">":
            if opened is None:
                raise _invalid(template, place, "This > closes no name", "Write names as <name>, and > as \\>.")
            references.append(_reference(template, opened, place + 1))
            opened = None
    if opened is not None:
        raise _invalid(template, opened, "This name is never closed", "Close it with >, or write < as \\<.")
    return Template(template, tuple(references))


def _unescaped(template: str) -> Iterator[tuple[int, str]]:
    """Yield the characters that no backslash escapes, with their positions."""
    escaped = False
    for place, character in enumerate(template):
        if escaped:
            escaped = False
        elif character == "\\" and template[place + 1 : place + 2] in tuple("<>\\"):
            escaped = True
        else:
            yield place, character


def _reference(template: str, start: int, end: int) -> Reference:
    """Read what is between two brackets."""
    content = _CONTENT.fullmatch(template[start + 1 : end - 1].strip())
    assert content is not None, "every part of the pattern may be empty"
    name, numbers, weight = content["name"].strip(), content["images"], float(content["weight"] or 1)
    if not name:
        raise _invalid(template, start, "This name is empty", "Write names as <name>.")
    if weight > HEAVIEST:
        remedy = f"Give 0 to {HEAVIEST:g}, or write \\: if the colon is in the name."
        raise _invalid(template, start, f"The weight of this name is {weight:g}", remedy)
    images = tuple(dict.fromkeys(int(number) for number in numbers.split(","))) if numbers else ()
    if 0 in images:
        raise _invalid(template, start, "This name asks for image 0", "Images count from 1.")
    of_any, _, noun = name.partition(":")
    any_of = noun.strip() if of_any.strip() == ANY else None
    return Reference(_ESCAPED_IN_NAME.sub(r"\1", name), start, end, images, weight, any_of)


def plain(text: str) -> str:
    """Return a prompt's text between names, with its escaped brackets as characters."""
    return _ESCAPED_IN_TEXT.sub(r"\1", text)


def replaced(template: Template, names: Mapping[str, str]) -> Template:
    """Return the template with each wildcard's concept, by the wildcard's noun. Weights and numbers stay."""
    text = template.text
    for each in reversed(template.references):
        if each.any_of is not None:
            images = f"#{','.join(map(str, each.images))}" if each.images else ""
            weight = f":{each.weight:g}" if each.weight != 1 else ""
            text = f"{text[: each.start]}<{escaped(names[each.any_of])}{images}{weight}>{text[each.end :]}"
    return parse(text)


def escaped(name: str) -> str:
    """Return a name as a prompt writes it: what would be read as a weight, a number or a wildcard is escaped."""
    content = _CONTENT.fullmatch(name)
    special = name.startswith(ANY) or "\\" in name or (content is not None and content["name"] != name)
    return re.sub(r"([:#*\\])", r"\\\1", name) if special else name


def require_words(template: Template) -> None:
    """Raise PromptInvalid if the prompt has no visible text and no name."""
    if not any(map(_is_visible, name_key(template.text))):
        raise PromptInvalid("The prompt is empty.", 'Say what to draw, for example: "a <rex> on the beach"')


def _is_visible(character: str) -> bool:
    return not character.isspace() and unicodedata.category(character) not in ("Cc", "Cf")


def require_known(template: Template, names: Iterable[str]) -> None:
    """Raise PromptInvalid, with the nearest of `names`, if the template has a name that is not in `names`."""
    known = {name_key(name): name for name in names}
    unknown = [name for name in template.names if name_key(name) not in known]
    if not unknown:
        return
    if any(
        re.split("[:#]", name)[0].strip() and name_key(re.split("[:#]", name)[0].strip()) in known for name in unknown
    ):
        listed = ", ".join(f"<{name}>" for name in unknown)
        remedy = "A weight is a number from 0 to 2, images are numbers; both are written as <name#1,3:0.5>."
        raise PromptInvalid(f"The prompt names {listed}, which the library does not have.", remedy)
    names = ", ".join(f"<{name}>" for name in unknown)
    if meant := did_you_mean(unknown, known.values()):
        remedy = meant
    elif known:
        remedy = f"The library has: {', '.join(sorted(known.values())[:12])}{', …' if len(known) > 12 else ''}."
    else:
        remedy = f"The library has no concepts yet: studio add-concept {unknown[0]} IMAGE --noun NOUN"
    raise PromptInvalid(f"The prompt names {names}, which the library does not have.", remedy)


def did_you_mean(unknown: Iterable[str], names: Iterable[str]) -> str:
    """Return the question whether the nearest of `names` were meant, or an empty text if none is near."""
    known = {name_key(name): name for name in names}
    near = [match for name in unknown for match in difflib.get_close_matches(name_key(name), known, n=3, cutoff=0.5)]
    return f"Did you mean {' or '.join(f'<{known[key]}>' for key in dict.fromkeys(near))}?" if near else ""


def _invalid(template: str, place: int, cause: str, remedy: str) -> PromptInvalid:
    """Return an error with the part of the template around `place`, and a caret below it."""
    start = max(0, place - EXCERPT)
    shown = "".join(c if c.isprintable() else " " for c in template[start : place + EXCERPT])
    caret = " " * sum(_columns(character) for character in shown[: place - start]) + "^"
    return PromptInvalid(f"{cause}:\n  {shown}\n  {caret}", remedy)


def _columns(character: str) -> int:
    """Return how many terminal columns a character uses."""
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
