"""Bind prompts to tokens: each name becomes its noun, and the span of tokens that stands for the subject."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

from lambda_studio.errors import PromptInvalid
from lambda_studio.generation.plurals import plural, plural_ending
from lambda_studio.generation.template import Reference, Template, name_key, plain, require_known


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
class Span:
    """The token positions [start, end) of one occurrence of a subject's noun; the start token is position 0."""

    name: str
    start: int
    end: int
    images: tuple[int, ...] = ()
    """The numbers of the reference images that are meant; empty is all of them."""
    weight: float = 1.0

    @property
    def subject(self) -> str:
        """The key of its embedding: the name, and the numbers of images if some are meant."""
        return f"{self.name}#{','.join(map(str, self.images))}" if self.images else self.name


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


def bind(
    template: Template,
    nouns: Mapping[str, str],
    tokenizer: Tokenizer,
    on_cut: Callable[[str], None] | None = None,
) -> BoundPrompt:
    """Replace each subject's name by its noun, and return the prompt with the token span of each occurrence.

    Text and nouns are tokenised separately, so that a span has only its own noun ("hot dog" stays one noun). A space
    separates a name from an adjacent letter or digit; "<rex>s" is the noun's plural. A span's name is spelled as in
    `nouns`. Raises PromptInvalid for a name that is not in `nouns`, for an empty noun, for CLIP's special tokens, and
    for a text that is too long.

    Args:
        on_cut: if given, words after CLIP's limit are cut, and it is called with the sentence that names them. A
            prompt whose subject would be cut is refused still.
    """
    token_ids, text, spans = [tokenizer.start_token], "", []
    for words, who in worded(template, nouns):
        text += words
        ids = tokenizer.encode(words)
        _require_plain(words, who.name if who else None, ids, tokenizer)
        if who:
            if not ids:
                raise PromptInvalid(f"The noun of <{who.name}> is empty.", "Give the concept a noun, for example dog.")
            spans.append(Span(who.name, len(token_ids), len(token_ids) + len(ids), who.images, who.weight))
        token_ids += ids
    token_ids.append(tokenizer.end_token)
    if len(token_ids) > tokenizer.context_length:
        refusal = _too_long(text, len(token_ids), tokenizer)
        if on_cut is None or (spans and spans[-1].end >= tokenizer.context_length):
            raise refusal
        on_cut(refusal.cause)
        token_ids = [*token_ids[: tokenizer.context_length - 1], tokenizer.end_token]
    padding = [0] * (tokenizer.context_length - len(token_ids))
    return BoundPrompt(template.text, text, (*token_ids, *padding), len(token_ids), tuple(spans))


def worded(template: Template, nouns: Mapping[str, str]) -> Iterator[tuple[str, Reference | None]]:
    """Yield the prompt's words from left to right, with the reference (spelled as in `nouns`) that a noun stands for.

    Raises PromptInvalid for a name that is not in `nouns`.
    """
    require_known(template, nouns)
    known, last, end = {name_key(name): name for name in nouns}, "", 0
    for reference in template.references:
        between, name = plain(template.text[end : reference.start]), known[name_key(reference.name)]
        ending = plural_ending(template.text[reference.end :])
        noun = plural(nouns[name]) if ending and nouns[name] else nouns[name]
        for words, whose in ((between, None), (noun, replace(reference, name=name))):
            words = " " * (last.isalnum() and words[:1].isalnum()) + words
            last = words[-1:] or last
            yield words, whose
        end = reference.end + ending
    rest = plain(template.text[end:])
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
