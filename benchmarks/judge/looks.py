"""Describe a picture's content, as it was asked for, as a reader saw it, or as the oracle answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lambda_studio.miniature.judge.oracle import Reading
from lambda_studio.miniature.world.figures import FIGURES, PATTERNS, WORN
from lambda_studio.miniature.world.identities import COLOURS, NOUNS, PARTS
from lambda_studio.miniature.world.places import PLACES

UNCLEAR, BARE = "unclear", "nothing"
"""An answer that a reader cannot give, and the worn thing of a subject that wears nothing."""
CLASSES: Mapping[str, tuple[str, ...]] = {
    "noun": tuple(FIGURES),
    "main": tuple(COLOURS),
    "pattern": PATTERNS,
    "worn": (BARE, *WORN),
    "place": tuple(PLACES),
    **dict.fromkeys(PARTS, tuple(COLOURS)),
}
"""The questions, with their answers in the oracle's order. The parts are asked about in the demo's pictures alone."""
OF_A_SUBJECT = ("main", "pattern", "worn")
"""The questions about a subject whose noun is known, in every picture."""


@dataclass(frozen=True)
class Subject:
    """One subject. None is a question that was not asked."""

    noun: str
    main: str | None
    pattern: str | None
    worn: str | None
    tips: str | None = None
    odd: str | None = None


@dataclass(frozen=True)
class Content:
    """The place and the subjects of one picture."""

    place: str
    subjects: tuple[Subject, ...]

    def find(self, noun: str) -> Subject | None:
        """Return the only subject with this noun, or None."""
        found = [subject for subject in self.subjects if subject.noun == noun]
        return found[0] if len(found) == 1 else None


def parsed(row: Sequence) -> Content:
    """Return the content that a row of labels describes: a place, then (noun, main, pattern, worn) for each subject.

    The colours of the tips and of the odd part may follow.

    Raises ValueError for an answer that is neither one of the world's nor `unclear`.
    """
    place, *subjects = row
    content = Content(place, tuple(Subject(*answers) for answers in subjects))
    given = [("place", place)]
    given += [
        (question, getattr(each, question)) for each in content.subjects for question in ("noun", *OF_A_SUBJECT, *PARTS)
    ]
    for question, answer in given:
        if answer not in (*CLASSES[question], UNCLEAR, *((None,) if question in PARTS else ())):
            raise ValueError(
                f"{row}: {answer!r} is no {question}. Write one of: {' '.join(CLASSES[question])} {UNCLEAR}"
            )
    return content


def nouns_of(reading: Reading, row: int, count: int) -> tuple[str, ...]:
    """Return the `count` figures that the oracle finds most likely in a picture, the likeliest first."""
    present = reading.nouns["present"][row, : len(FIGURES), 0]
    return tuple(NOUNS[at] for at in present.argsort(descending=True)[:count].tolist())


def answer_of(reading: Reading, row: int, question: str, noun: str) -> str:
    """Return the oracle's answer about the subject of a noun."""
    return CLASSES[question][int(reading.nouns[question][row, NOUNS.index(noun)].argmax())]


def place_of(reading: Reading, row: int) -> str:
    """Return the oracle's place."""
    return CLASSES["place"][int(reading.place[row].argmax())]


def read_content(reading: Reading, row: int, count: int) -> Content:
    """Return what the oracle says of a picture of `count` subjects."""
    subjects = [
        Subject(noun, *(answer_of(reading, row, question, noun) for question in (*OF_A_SUBJECT, *PARTS)))
        for noun in nouns_of(reading, row, count)
    ]
    return Content(place_of(reading, row), tuple(subjects))
