"""Captions of reference images as prompts that name their subject."""

import re

from lambda_studio.generation.template import escaped


def caption_prompts(caption: str, name: str, noun: str) -> tuple[str, str]:
    """Return two prompts of a caption: with the subject where the caption names it, and with the subject first.

    The caption names its subject as `<name>`, else as `name` or `name noun` (a trainer's token), else by the first
    occurrence of its noun. All its other brackets are text.
    """
    first = f"a <{escaped(name)}>, {_text(caption)}"
    words = rf"{re.escape(name)}(?:\s+{re.escape(noun)})?"
    for pattern, count in ((rf"<\s*{re.escape(name)}\s*>", 0), (_word(words), 0), (_word(re.escape(noun)), 1)):
        parts = re.split(pattern, caption, maxsplit=count, flags=re.IGNORECASE)
        if len(parts) > 1:
            return f"<{escaped(name)}>".join(map(_text, parts)), first
    return first, first


def _word(pattern: str) -> str:
    return rf"(?<!\w){pattern}(?!\w)"


def _text(words: str) -> str:
    """Return words in which no bracket names a concept."""
    return re.sub(r"([<>\\])", r"\\\1", words)
