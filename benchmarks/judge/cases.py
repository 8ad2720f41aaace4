"""Say of each picture whether it has what its prompt asked for: by the oracle, and by the reader."""

from collections.abc import Callable, Mapping, Sequence

from lambda_studio.miniature.world.identities import PARTS

from .agreement import Answer
from .correction import Case
from .looks import BARE, UNCLEAR, Content, Subject

Judged = tuple[Content, Content, Sequence[str], Answer, str]
"""What was asked, what the reader saw, the oracle's nouns, its answers, and its place."""


def subject_cases(question: str, pictures: Sequence[Judged]) -> list[Case]:
    """Return a case for each subject whose `question` was asked. A bare subject's worn thing is not asked for."""
    cases = []
    for asked, seen, _, answer, _ in pictures:
        for subject in asked.subjects:
            wanted = getattr(subject, question)
            if wanted is not None and wanted != BARE:
                cases.append(Case(answer(question, subject.noun) == wanted, _reader_says(seen, subject, (question,))))
    return cases


def detail_cases(pictures: Sequence[Judged]) -> list[Case]:
    """Return a case for each subject: whether all its parts have the right colours."""
    cases = []
    for asked, seen, _, answer, _ in pictures:
        for subject in asked.subjects:
            judge = all(answer(question, subject.noun) == getattr(subject, question) for question in PARTS)
            cases.append(Case(judge, _reader_says(seen, subject, PARTS)))
    return cases


def noun_cases(pictures: Sequence[Judged]) -> list[Case]:
    """Return a case for each picture: whether all its nouns are there."""
    return [
        Case(all(each.noun in nouns for each in asked.subjects), _all_seen(asked, seen, ()))
        for asked, seen, nouns, _, _ in pictures
    ]


def main_cases(pictures: Sequence[Judged]) -> list[Case]:
    """Return a case for each picture: whether all its nouns are there, each with its main colour."""
    cases = []
    for asked, seen, nouns, answer, _ in pictures:
        judge = all(each.noun in nouns and answer("main", each.noun) == each.main for each in asked.subjects)
        cases.append(Case(judge, _all_seen(asked, seen, ("main",))))
    return cases


def place_cases(pictures: Sequence[Judged]) -> list[Case]:
    """Return a case for each picture: whether its place is right."""
    return [
        Case(place == asked.place, None if seen.place == UNCLEAR else seen.place == asked.place)
        for asked, seen, _, _, place in pictures
    ]


CASES: Mapping[str, tuple[str, str, Callable[[Sequence[Judged]], list[Case]]]] = {
    "zero-shot place": ("subject", "place", place_cases),
    "zero-shot noun": ("subject", "noun", noun_cases),
    "zero-shot main": ("subject", "main", lambda pictures: subject_cases("main", pictures)),
    "zero-shot pattern": ("subject", "pattern", lambda pictures: subject_cases("pattern", pictures)),
    "zero-shot worn": ("subject", "worn", lambda pictures: subject_cases("worn", pictures)),
    "two-subjects both_nouns": ("two subjects", "noun", noun_cases),
    "two-subjects both_main": ("two subjects", "main", main_cases),
}
"""The model card's figures, each with the kind of pictures, the reader's question, and the cases of the pictures."""


def _all_seen(asked: Content, seen: Content, questions: Sequence[str]) -> bool | None:
    """Return whether every subject was seen as asked; None if one is unclear and none is wrong."""
    says = [_reader_says(seen, subject, questions) for subject in asked.subjects]
    if False in says:
        return False
    return None if None in says else True


def _reader_says(seen: Content, asked: Subject, questions: Sequence[str]) -> bool | None:
    """Return whether a subject was seen as asked; None if it is unclear."""
    alike = [subject for subject in seen.subjects if subject.noun == asked.noun]
    if not alike:
        return None if any(subject.noun == UNCLEAR for subject in seen.subjects) else False
    if not questions:
        return True
    given = [getattr(subject, question) for subject in alike for question in questions]
    wanted = [getattr(asked, question) for _ in alike for question in questions]
    if len(alike) > 1:  # of two dogs, the one that was asked for may be either
        return True if any(a == b for a, b in zip(given, wanted, strict=True)) else None
    if UNCLEAR in given:
        return None
    return given == wanted
