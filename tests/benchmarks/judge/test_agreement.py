"""Two readings of a picture are paired subject by subject, and unclear answers stay out of the confusion."""

from benchmarks.judge.agreement import Pair, asked, confusion, content_pairs, look_pairs, noun_pairs
from benchmarks.judge.looks import Content, Subject


def seen(*nouns: str) -> Content:
    return Content("beach", tuple(Subject(noun, "red", "plain", "nothing") for noun in nouns))


def nouns(content: Content, *given: str) -> list[tuple[str, str]]:
    return [(pair.seen, pair.given) for pair in noun_pairs(0, content, given)]


def test_subjects_are_paired_whatever_their_order() -> None:
    assert nouns(seen("dog", "cat"), "cat", "dog") == [("dog", "dog"), ("cat", "cat")]


def test_a_subject_that_is_not_given_is_paired_with_the_one_left_over() -> None:
    assert nouns(seen("dog", "cat"), "car", "dog") == [("dog", "dog"), ("cat", "car")]
    assert nouns(seen("dog", "dog"), "dog", "car") == [("dog", "dog"), ("dog", "car")]
    assert nouns(seen("dog", "unclear"), "dog") == [("dog", "dog"), ("unclear", "unclear")]


def test_looks_are_asked_of_a_subject_whose_noun_is_clear_and_its_own() -> None:
    def answer(question: str, noun: str) -> str:
        return f"{question} of {noun}"

    pairs = look_pairs(3, seen("dog", "unclear", "cat", "cat"), answer)
    assert [(pair.picture, pair.question, pair.given) for pair in pairs] == [
        (3, "main", "main of dog"), (3, "pattern", "pattern of dog"), (3, "worn", "worn of dog"),
    ]  # fmt: skip


def test_what_a_reader_did_not_see_is_unclear() -> None:
    truth = Content("beach", (Subject("dog", "blue", "plain", "hat"),))
    pairs = content_pairs(0, truth, Content("moon", (Subject("cat", "blue", "plain", "hat"),)))
    assert [(pair.question, pair.given) for pair in pairs] == [
        ("noun", "cat"), ("main", "unclear"), ("pattern", "unclear"), ("worn", "unclear"), ("place", "moon"),
    ]  # fmt: skip


def test_the_confusion_counts_clear_pairs_that_differ() -> None:
    answers = [("red", "orange"), ("red", "orange"), ("red", "red"), ("unclear", "red"), ("red", "unclear")]
    pairs = [Pair(0, "main", *each) for each in answers]
    assert confusion(pairs) == {("red", "orange"): 2}
    assert asked([*pairs, Pair(0, "place", "moon", "moon")], "place") == [Pair(0, "place", "moon", "moon")]
