"""Parse prompts that name subjects: "a <rex> on the beach" becomes text, token ids and the span of each name."""

import difflib
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from lambda_studio.errors import PromptInvalid
from lambda_studio.generation.plurals import plural, plural_ending

EXCERPT = 60
"""Characters shown on each side of an error's position."""


@runtime_checkable
class Tokenizer(Protocol):
    """The part of CLIP's tokenizer that prompts use. `encode` adds no start and no end token."""

    context_length: int
    start_token: int
    end_token: int

    def encode(self, text: str) -> list[int]:
        """Return all token ids of `text`, without a limit."""
        ...


@dataclass(frozen=True)
class Reference:
    """One occurrence of `<name>`: the characters [start, end) of its template, brackets included."""

    name: str
    start: int
    end: int


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
            first.setdefault(name_key(reference.name), reference.name)
        return tuple(first.values())


@dataclass(frozen=True)
class Span:
    """The token positions [start, end) of one occurrence of a subject's noun; the start token is position 0."""

    name: str
    start: int
    end: int


@dataclass(frozen=True)
class BoundPrompt:
    """A tokenised prompt for CLIP's text tower, and the position of each subject.

    `token_ids` has the start token, the text and the end token (`length` in all), then zeros up to the context length.
    """

    template: str
    text: str
    token_ids: tuple[int, ...]
    length: int
    spans: tuple[Span, ...]


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
    """Find every `<name>`. Raises PromptInvalid, with a caret under the position, for malformed brackets."""
    references: list[Reference] = []
    opened: int | None = None
    for place, character in enumerate(template):
        if character == "<":
            if opened is not None:
                raise _invalid(template, place, "A name begins inside another name", "Close the first with >.")
            opened = place
        elif character == ">":
            if opened is None:
                raise _invalid(template, place, "This > closes no name", "Write names as <name>.")
            name = template[opened + 1 : place].strip()
            if not name:
                raise _invalid(template, opened, "This name is empty", "Write names as <name>.")
            references.append(Reference(name, opened, place + 1))
            opened = None
    if opened is not None:
        raise _invalid(template, opened, "This name is never closed", "Close it with >.")
    return Template(template, tuple(references))


def require_words(template: Template) -> None:
    """Raise PromptInvalid if the prompt has no visible text and no name."""
    if not any(map(_is_visible, name_key(template.text))):
        raise PromptInvalid("The prompt is empty.", 'Say what to draw, for example: "a <rex> on the beach"')


def _is_visible(character: str) -> bool:
    return not character.isspace() and unicodedata.category(character) not in ("Cc", "Cf")


def bind(template: Template, nouns: Mapping[str, str], tokenizer: Tokenizer) -> BoundPrompt:
    """Replace each subject's name by its noun, and return the prompt with the token span of each occurrence.

    Text and nouns are tokenised separately, so that a span has only its own noun ("hot dog" stays one noun). A space
    separates a name from an adjacent letter or digit; "<rex>s" is the noun's plural. A span's name is spelled as in
    `nouns`. Raises PromptInvalid for a name that is not in `nouns`, for an empty noun, for CLIP's special tokens, and
    for a text that is too long.
    """
    token_ids, text, spans = [tokenizer.start_token], "", []
    for words, name in worded(template, nouns):
        text += words
        ids = tokenizer.encode(words)
        _require_plain(words, name, ids, tokenizer)
        if name is not None:
            if not ids:
                raise PromptInvalid(f"The noun of <{name}> is empty.", "Give the concept a noun, for example dog.")
            spans.append(Span(name, len(token_ids), len(token_ids) + len(ids)))
        token_ids += ids
    token_ids.append(tokenizer.end_token)
    if len(token_ids) > tokenizer.context_length:
        raise _too_long(text, len(token_ids), tokenizer)
    padding = [0] * (tokenizer.context_length - len(token_ids))
    return BoundPrompt(template.text, text, (*token_ids, *padding), len(token_ids), tuple(spans))


def worded(template: Template, nouns: Mapping[str, str]) -> Iterator[tuple[str, str | None]]:
    """Yield the prompt's words from left to right, with the name (spelled as in `nouns`) that each noun stands for.

    Raises PromptInvalid for a name that is not in `nouns`.
    """
    require_known(template, nouns)
    known, last, end = {name_key(name): name for name in nouns}, "", 0
    for reference in template.references:
        between, name = template.text[end : reference.start], known[name_key(reference.name)]
        ending = plural_ending(template.text[reference.end :])
        noun = plural(nouns[name]) if ending and nouns[name] else nouns[name]
        for words, whose in ((between, None), (noun, name)):
            words = " " * (last.isalnum() and words[:1].isalnum()) + words
            last = words[-1:] or last
            yield words, whose
        end = reference.end + ending
    rest = template.text[end:]
    yield " " * (last.isalnum() and rest[:1].isalnum()) + rest, None


def _require_plain(words: str, name: str | None, ids: Sequence[int], tokenizer: Tokenizer) -> None:
    """Refuse a text that CLIP reads as its start or its end: it would hide all words after it."""
    if tokenizer.start_token not in ids and tokenizer.end_token not in ids:
        return
    if name is None:
        cause, remedy = f"CLIP reads a part of “{words.strip()}” as its own start or end.", "Write it in other words."
    else:
        cause = f"CLIP reads the noun of <{name}>, “{words.strip()}”, as its own start or end."
        remedy = f"Give it another noun: studio concepts edit {name} --noun NOUN"
    raise PromptInvalid(cause, remedy)


def require_known(template: Template, names: Iterable[str]) -> None:
    """Raise PromptInvalid, with the nearest of `names`, if the template has a name that is not in `names`."""
    known = {name_key(name): name for name in names}
    unknown = [name for name in template.names if name_key(name) not in known]
    if not unknown:
        return
    near = [match for name in unknown for match in difflib.get_close_matches(name_key(name), known, n=3, cutoff=0.5)]
    names = ", ".join(f"<{name}>" for name in unknown)
    if near:
        remedy = f"Did you mean {' or '.join(f'<{known[key]}>' for key in dict.fromkeys(near))}?"
    elif known:
        remedy = f"The library has: {', '.join(sorted(known.values())[:12])}{', …' if len(known) > 12 else ''}."
    else:
        remedy = f"The library has no concepts yet: studio add-concept {unknown[0]} IMAGE --noun NOUN"
    raise PromptInvalid(f"The prompt names {names}, which the library does not have.", remedy)


def _too_long(text: str, length: int, tokenizer: Tokenizer) -> PromptInvalid:
    """Return the error that names the words after CLIP's limit."""
    words, room = text.split(), tokenizer.context_length - 2
    kept = 0
    while kept < len(words) and (room := room - len(tokenizer.encode(words[kept]))) >= 0:
        kept += 1
    cut = words[kept:]
    shown = " ".join(cut[:12]) + (f" … ({len(cut)} words)" if len(cut) > 12 else "")
    return PromptInvalid(
        f"The prompt has {length} tokens, but CLIP reads {tokenizer.context_length}: it would ignore “{shown}”.",
        "Shorten the prompt.",
    )


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
