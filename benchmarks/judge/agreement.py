"""Compare two readings of the same pictures, question by question."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from lambda_studio.miniature.world.identities import PARTS

from .looks import CLASSES, OF_A_SUBJECT, UNCLEAR, Content, Subject

QUESTIONS = tuple(question for question in CLASSES if question not in PARTS)
Answer = Callable[[str, str], str]
"""The answer about the subject of a noun: (question, noun)."""


@dataclass(frozen=True)
class Pair:
    """Two answers to one question about one picture. `seen` is compared with `given`; either may be unclear."""

    picture: int
    question: str
    seen: str
    given: str

    @property
    def clear(self) -> bool:
        """Whether both are answers."""
        return UNCLEAR not in (self.seen, self.given)

    @property
    def equal(self) -> bool:
        """Whether both are the same."""
        return self.seen == self.given


def noun_pairs(picture: int, seen: Content, given: Sequence[str]) -> list[Pair]:
    """Return a pair for each subject that was seen. One that is not given is paired with one that is left over."""
    known = [subject.noun for subject in seen.subjects]
    left = list(given)
    for noun in known:
        if noun in left:
            left.remove(noun)
    pairs, rest = [], list(given)
    for noun in known:
        if noun in rest:
            rest.remove(noun)
            pairs.append(Pair(picture, "noun", noun, noun))
        else:
            pairs.append(Pair(picture, "noun", noun, left.pop(0) if left else UNCLEAR))
    return pairs


def look_pairs(picture: int, seen: Content, answer: Answer) -> list[Pair]:
    """Return the pairs of the looks of each subject whose noun no other subject has."""
    named = [subject for subject in seen.subjects if seen.find(subject.noun) and subject.noun != UNCLEAR]
    return [
        Pair(picture, question, getattr(subject, question) or UNCLEAR, answer(question, subject.noun))
        for subject in named
        for question in OF_A_SUBJECT
    ]


def content_pairs(picture: int, truth: Content, given: Content) -> list[Pair]:
    """Return the pairs of a picture whose content is known and what a reader gave."""

    def answer(question: str, noun: str) -> str:
        found: Subject | None = given.find(noun)
        return (found and getattr(found, question)) or UNCLEAR

    pairs = noun_pairs(picture, truth, [subject.noun for subject in given.subjects])
    place = Pair(picture, "place", truth.place, given.place)
    return [*pairs, *look_pairs(picture, truth, answer), place]


def asked(pairs: Iterable[Pair], question: str) -> list[Pair]:
    """Return the pairs of one question."""
    return [pair for pair in pairs if pair.question == question]


def confusion(pairs: Iterable[Pair]) -> Counter[tuple[str, str]]:
    """Count the clear pairs that differ: (seen, given)."""
    return Counter((pair.seen, pair.given) for pair in pairs if pair.clear and not pair.equal)
