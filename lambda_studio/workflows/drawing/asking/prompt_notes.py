"""Notes about a prompt that draws, but perhaps not what its writer means."""

import re
from collections.abc import Iterator, Mapping, Sequence
from html import unescape

from lambda_studio.config import GenerateConfig
from lambda_studio.generation.prompt import worded
from lambda_studio.generation.template import Template, name_key
from lambda_studio.models.stacks.specification import StackSpec
from lambda_studio.workflows.learnt_words import note_unlearnt

_WEIGHT = re.compile(r"\([^()]*:\s*\d*\.?\d+\s*\)|>\s*:\s*\d*\.?\d+|>[+-]+(?![\w<+-])|\({2,}")
"""`(word:1.3)` and `((word))` of web interfaces, `<name>:1.3`, and `<name>++` of compel."""
_ESCAPED = re.compile(r"\\<.*?\\>", re.DOTALL)
"""A name whose brackets are escaped: its writer means the characters."""

SHORTEST = 3
"""The least characters of a name that is asked about in a prompt that names others: `a` is a word there."""


def notes_about(template: Template, nouns: Mapping[str, str], known: Sequence[str], spec: StackSpec) -> Iterator[str]:
    """Yield the notes about a prompt.

    Args:
        template: The prompt.
        nouns: The noun of each concept that the prompt names.
        known: The names of all concepts of the library.
        spec: The stack that draws the prompt.
    """
    yield from _unnamed(template, known)
    if _WEIGHT.search(template.text):
        yield "Weights such as (<name>:1.3) are read as words. Write them as <name:1.3>."
    if spec.subjects is not None and len(template.references) > spec.subjects:
        yield (
            f"The prompt has {len(template.references)} subjects. {spec.name} was trained on pictures of "
            f"up to {spec.subjects}, and may leave some out."
        )
    words = "".join(words for words, _ in worded(template, nouns))
    if meant := _meant(template, known):  # which was said above
        words = re.sub(rf"(?<!\w){re.escape(name_key(meant))}(?!\w)", "", name_key(unescape(words)))
    if note := note_unlearnt(words, spec):
        yield note


def note_sampler(config: GenerateConfig, spec: StackSpec) -> Iterator[str]:
    """Note a sampler for distilled decoders, if the stack does not prefer it."""
    if config.sampler == "lcm" and GenerateConfig().preferring(spec.generate).sampler != "lcm":
        yield (
            f"lcm is for decoders that were distilled for it, in 4 to 8 steps with a guidance from 1 to 2. {spec.name} "
            "does not say that its decoder was."
        )


def _unnamed(template: Template, known: Sequence[str]) -> Iterator[str]:
    """Note a concept's name without brackets, and a prompt that names no concept of a library that has some."""
    meant = _meant(template, known)
    if meant is not None and template.references and len(meant) >= SHORTEST:
        yield f"“{meant}” is read as a word. Did you mean <{meant}>?"
    elif known and not template.references and (meant or not _ESCAPED.search(template.text)):
        remedy = f"Did you mean <{meant}>?" if meant else f"Write names in angle brackets, for example <{known[0]}>."
        yield f"The prompt names no concept, so none of the library is drawn. {remedy}"


def _meant(template: Template, known: Sequence[str]) -> str | None:
    """Return the first concept whose name the prompt has without brackets, or None."""
    words = name_key(_without_names(template))
    return next((name for name in known if _is_word(name_key(name), words)), None)


def _without_names(template: Template) -> str:
    """Return the words of a prompt between its names, the escaped names too."""
    text = template.text
    for reference in reversed(template.references):
        text = f"{text[: reference.start]} {text[reference.end :]}"
    return _ESCAPED.sub(" ", text)


def _is_word(name: str, words: str) -> bool:
    return name in words and re.search(rf"(?<!\w){re.escape(name)}(?!\w)", words) is not None
