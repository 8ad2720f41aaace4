"""A picture has what its prompt asked for, or not, or it cannot be told."""

from benchmarks.judge.cases import Judged, main_cases, noun_cases, place_cases, subject_cases
from benchmarks.judge.correction import Case
from benchmarks.judge.looks import Content, Subject

DOG = Subject("dog", "red", "plain", "hat")
CAT = Subject("cat", "blue", "plain", "nothing")


def judged(seen: Content, nouns: tuple[str, ...] = ("dog", "cat"), main: str = "red") -> Judged:
    answers = {("main", "dog"): main, ("main", "cat"): "blue", ("worn", "dog"): "bow"}
    return Content("beach", (DOG, CAT)), seen, nouns, lambda *asked: answers.get(asked, ""), "beach"


def seen(*subjects: Subject, place: str = "beach") -> Content:
    return Content(place, subjects)


def test_both_nouns_are_there_or_one_is_missing_or_one_is_unclear() -> None:
    other = Subject("car", "red", "plain", "hat")
    unclear = Subject("unclear", "red", "plain", "hat")
    contents = [seen(CAT, DOG), seen(DOG, other), seen(DOG, unclear)]
    assert [case.reader for case in noun_cases([judged(each) for each in contents])] == [True, False, None]
    assert noun_cases([judged(seen(CAT, DOG), nouns=("dog", "car"))]) == [Case(False, True)]


def test_a_wrong_colour_decides_though_the_other_is_unclear() -> None:
    unclear = Subject("dog", "unclear", "plain", "hat")
    wrong = Subject("cat", "pink", "plain", "nothing")
    contents = [seen(DOG, CAT), seen(unclear, CAT), seen(unclear, wrong)]
    assert [case.reader for case in main_cases([judged(each) for each in contents])] == [True, None, False]
    assert main_cases([judged(seen(DOG, CAT), main="pink")])[0].judge is False


def test_of_two_subjects_with_one_noun_either_may_be_meant() -> None:
    pink = Subject("dog", "pink", "plain", "hat")
    either = subject_cases("main", [judged(seen(DOG, pink)), judged(seen(pink, pink))])
    assert [case.reader for case in either[::2]] == [True, None]


def test_worn_things_are_asked_of_those_that_wear_one() -> None:
    assert subject_cases("worn", [judged(seen(DOG, CAT))]) == [Case(False, True)]


def test_an_unclear_place_is_no_answer() -> None:
    cases = place_cases([judged(seen(place=place)) for place in ("beach", "moon", "unclear")])
    assert cases == [Case(True, True), Case(True, False), Case(True, None)]
