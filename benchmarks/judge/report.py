"""Compute the oracle's error on drawn pictures, and the model card's figures that hang on it, from the labels."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from lambda_studio.evaluation.statistics import Interval
from lambda_studio.miniature.judge.oracle import Reading

from .agreement import QUESTIONS, Answer, Pair, asked, confusion, content_pairs, look_pairs, noun_pairs
from .cases import CASES, Judged, detail_cases
from .correction import Case, bootstrapped, difference, errors, rogan_gladen, without_readers_error
from .looks import CLASSES, Content, answer_of, nouns_of, place_of

GROUPS = {"one": ("subject", "words"), "two": ("two subjects", "two in words")}
"""The kinds of drawn pictures with one subject, and with two."""
RENDERED = {"one": "rendered", "two": "two rendered"}
"""The kind of rendered pictures to compare each group with."""


@dataclass(frozen=True)
class Study:
    """All pictures: their kind, what was asked for, what the reader saw, and what the oracle answers."""

    kinds: Sequence[str]
    asked: Sequence[Content]
    seen: Sequence[Content]
    reading: Reading

    def of(self, *kinds: str) -> list[int]:
        """Return the pictures of these kinds."""
        return [picture for picture, kind in enumerate(self.kinds) if kind in kinds]

    def answer(self, picture: int) -> Answer:
        """Return the oracle's answers about a picture."""
        return lambda question, noun: answer_of(self.reading, picture, question, noun)

    def judged(self, picture: int) -> Judged:
        """Return a picture for `cases.py`."""
        content = self.asked[picture]
        nouns = nouns_of(self.reading, picture, len(content.subjects))
        place = place_of(self.reading, picture)
        return content, self.seen[picture], nouns, self.answer(picture), place

    def by_oracle(self, picture: int, content: Content) -> list[Pair]:
        """Return the oracle's answers beside a content."""
        nouns = noun_pairs(picture, content, nouns_of(self.reading, picture, len(content.subjects)))
        place = Pair(picture, "place", content.place, place_of(self.reading, picture))
        return [*nouns, *look_pairs(picture, content, self.answer(picture)), place]


def agreements(study: Study, group: str) -> dict[str, dict[str, Any]]:
    """Return for each question how often oracle and reader agree, and the oracle's share of right answers.

    `drawn` is the oracle's share on drawn pictures: its share on rendered ones, plus the agreement on drawn pictures,
    less that on rendered ones. The reader's errors, and those that both share, are in both agreements.
    """
    rendered = study.of(RENDERED[group])
    drawn = [study.by_oracle(picture, study.seen[picture]) for picture in study.of(*GROUPS[group])]
    alike = [study.by_oracle(picture, study.seen[picture]) for picture in rendered]
    oracle = [study.by_oracle(picture, study.asked[picture]) for picture in rendered]
    reader = [content_pairs(picture, study.asked[picture], study.seen[picture]) for picture in rendered]
    found = {}
    for question in QUESTIONS:
        each = [_of(pairs, question) for pairs in (drawn, alike, oracle, reader)]
        values = _named("agreement", _share(each[0])) | _named("rendered_agreement", _share(each[1]))
        values |= _named("oracle", _share(each[2])) | _named("reader", _share(each[3]))
        values |= _named("drawn", bootstrapped(_expected, each[:3]))
        pairs = asked([pair for picture in drawn for pair in picture], question)
        values |= {"answers": len(pairs), "unclear": round(fmean(not pair.clear for pair in pairs), 3)}
        most = confusion(pairs).most_common()
        found[question] = values | {"confusion": {f"{seen} as {given}": count for (seen, given), count in most}}
    return found


def corrected(study: Study, card: Mapping[str, Mapping[str, float]]) -> dict[str, dict[str, dict[str, Any]]]:
    """Return each figure of the card, corrected by what the reader sees in pictures of its kind.

    `labels` is the card's figure plus the mean difference of reader and oracle over clear pictures. `lowest` and
    `highest` count the unclear ones as wrong and as right. `true` also takes out the reader's own errors.
    """
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for name, (kind, question, cases_of) in CASES.items():
        measurement, figure = name.split()
        share = card[measurement][figure]
        cases = cases_of([study.judged(picture) for picture in study.of(kind)])
        group = next(group for group, kinds in GROUPS.items() if kind in kinds)
        known = cases_of([study.judged(picture) for picture in study.of(RENDERED[group])])
        found.setdefault(measurement, {})[figure] = _corrected(share, cases, known, len(CLASSES[question]))
    return found


def details(study: Study, kind: str) -> dict[str, float]:
    """Return the shares of subjects whose details are right by the oracle and by the reader, in pictures of a kind.

    Details are right if the colours of both parts are. `reader` counts what it could not read as wrong.
    """
    cases = detail_cases([study.judged(picture) for picture in study.of(kind)])
    clear = [case for case in cases if case.reader is not None]
    return {
        "subjects": len(cases),
        "oracle": round(fmean(case.judge for case in cases), 3),
        "unclear": len(cases) - len(clear),
        "reader": round(fmean(case.reader is True for case in cases), 3),
        "agreement": round(fmean(case.reader == case.judge for case in clear), 3) if clear else 0.0,
    }


def _corrected(share: float, cases: list[Case], known: list[Case], classes: int) -> dict[str, Any]:
    accuracy = _reader_accuracy(known)
    values = {"card": share, "pictures": len(cases), "unclear": sum(case.reader is None for case in cases)}
    values |= _named("labels", bootstrapped(lambda drawn: _within(difference(share, drawn)), [cases]))
    values |= {"lowest": _within(difference(share, cases, False)), "highest": _within(difference(share, cases, True))}
    values |= {"reader": round(accuracy, 3), "rendered": sum(case.reader is not None for case in known)}

    def true(drawn: Sequence[Case], rendered: Sequence[Case]) -> float:
        return without_readers_error(_within(difference(share, drawn)), _reader_accuracy(rendered), classes)

    values |= _named("true", bootstrapped(true, [cases, known]))
    if found := errors(cases):
        values |= {"sensitivity": round(found[0], 3), "specificity": round(found[1], 3)}
        values["rogan_gladen"] = round(rogan_gladen(share, *found), 3)
    return values


def _reader_accuracy(known: Sequence[Case]) -> float:
    """Return how often the reader confirms what is known to be there. Raises ValueError if nothing is clear."""
    clear = [case.reader for case in known if case.reader is not None]
    if not clear:
        raise ValueError("the reader has no clear answer")
    return fmean(clear)


def _of(pictures: Sequence[Sequence[Pair]], question: str) -> list[list[bool]]:
    """Return for each picture which of its clear pairs of a question are equal."""
    return [[pair.equal for pair in asked(pairs, question) if pair.clear] for pairs in pictures]


def _mean(pictures: Sequence[Sequence[bool]]) -> float:
    return fmean(equal for picture in pictures for equal in picture)


def _share(pictures: Sequence[Sequence[bool]]) -> Interval:
    """Return the share of equal pairs. Pictures are drawn again, because answers about one picture hang together."""
    statistic: Callable[..., float] = _mean
    return bootstrapped(statistic, [pictures])


def _expected(drawn: Sequence, rendered: Sequence, oracle: Sequence) -> float:
    return _within(_mean(oracle) + _mean(drawn) - _mean(rendered))


def _within(share: float) -> float:
    return round(min(max(share, 0.0), 1.0), 4)


def _named(name: str, interval: Interval) -> dict[str, float]:
    found = {name: interval.mean, f"{name}_low": interval.low, f"{name}_high": interval.high}
    return {key: round(value, 3) for key, value in found.items()}
