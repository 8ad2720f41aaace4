"""Words that a stack with few words did not learn."""

import difflib
import re
from collections.abc import Sequence

from concepts.durable import read_small
from lambda_studio.models.stacks.specification import StackSpec

MAX_WORDS_BYTES = 2**20
SHORTEST = 3
"""The least letters of a word that is offered for another: `toy` is not a slip for to."""
WHERE = "Its words are listed in the documentation of the miniature."
_WORD = re.compile(r"\w+")


def note_unlearnt(text: str, spec: StackSpec) -> str | None:
    """Return a note about the words of a text that the stack did not learn, with the nearest that it did, or None."""
    if spec.words is None:
        return None
    learnt = read_small(spec.words, MAX_WORDS_BYTES).decode(errors="replace").split()
    words = _WORD.findall(text.lower().replace("'s", ""))
    strange = [word for word in dict.fromkeys(words) if word not in learnt]
    if not strange:
        return None
    return f"{spec.name} did not learn {', '.join(_told(word, learnt) for word in strange)}. {WHERE}"


def _told(word: str, learnt: Sequence[str]) -> str:
    meant = _slip_of(word, learnt)
    return f"“{word}” (did you mean “{meant}”?)" if meant else f"“{word}”"


def _slip_of(word: str, learnt: Sequence[str]) -> str | None:
    """Return the word that was meant by a misspelt one, or None. Slips seldom change the first letter."""
    likely = [each for each in learnt if each[0] == word[0] and len(each) >= SHORTEST]
    return next(iter(difflib.get_close_matches(word, likely, n=1, cutoff=0.7)), None)
