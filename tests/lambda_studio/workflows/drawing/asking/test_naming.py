"""Names and wildcards of a prompt, looked up in the library."""

import pytest

from lambda_studio.errors import PromptInvalid
from lambda_studio.generation.template import parse
from lambda_studio.workflows.drawing.asking.naming import concept_names, named_concepts, without_wildcards


@pytest.fixture
def stocked(studio, add, box):
    for number, (name, noun) in enumerate((("rex", "dog"), ("max: 2", "Dog"), ("hat", "hat"))):
        add(name, box(number), noun=noun)
    return studio.workplace


def test_concepts_are_found_in_the_order_of_the_prompt(stocked) -> None:
    assert [each.name for each in named_concepts(stocked, parse("<hat> <REX:0.5> <hat#1>"))] == ["hat", "rex"]
    assert concept_names(stocked) == ["hat", "max: 2", "rex"]


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("a <rex>", ["a <rex>"]),
        ("a <*:dog:0.5>", [r"a <max\: 2:0.5>", "a <rex:0.5>"]),
        ("a <*:DOG> and the <*:DOG>", [r"a <max\: 2> and the <max\: 2>", "a <rex> and the <rex>"]),
        ("<*:dog> in a <*:hat>", [r"<max\: 2> in a <hat>", "<rex> in a <hat>"]),
        ("<*>", ["<hat>", r"<max\: 2>", "<rex>"]),
    ],
)
def test_a_wildcard_stands_for_each_concept_in_turn(stocked, prompt, expected) -> None:
    assert [each.text for each in without_wildcards(stocked, parse(prompt))] == expected


def test_a_wildcard_for_no_concept_says_which_nouns_there_are(stocked) -> None:
    with pytest.raises(PromptInvalid, match=r"<\*:cat> stands for no concept\. The library has: hat, Dog, dog\."):
        list(without_wildcards(stocked, parse("a <*:cat>")))
    with pytest.raises(PromptInvalid, match=r"<\*:hats> stands for no concept\. Did you mean <\*:hat>\? The library"):
        list(without_wildcards(stocked, parse("a <*:hats>")))


def test_all_names_that_are_not_there_are_told_at_once(studio, stocked) -> None:
    with pytest.raises(PromptInvalid) as refused:
        named_concepts(stocked, parse("a <rex>, a <foo> and a <dog>"))
    assert refused.value.cause == "The prompt names <foo>, <dog>, which the library does not have."
    assert refused.value.remedy == r"Did you mean <max: 2> or <rex>? Their noun is dog."
    studio.concepts.remove("hat")
    with pytest.raises(PromptInvalid) as refused:
        named_concepts(stocked, parse("a <hat> and a <dog>"))
    assert refused.value.cause == "The prompt names <hat>, <dog>, which the library does not have."
    assert refused.value.remedy.endswith("noun is dog. Restore <hat>: studio concepts restore hat")
    studio.concepts.remove("max: 2")
    with pytest.raises(PromptInvalid) as refused:
        named_concepts(stocked, parse("a <hat>, a <max\\: 2>, a <rx> and a <bicycle>"))
    both = "studio concepts restore hat && studio concepts restore 'max: 2'"
    assert refused.value.remedy == f"Did you mean <rex>? Restore <hat>, <max: 2>: {both}"


@pytest.mark.parametrize("prompt", ["a <rex:-1>", "a <rex:half>", "a <rex#1,x>", "a <rex:0.5#2>"])
def test_a_weight_or_a_number_that_cannot_be_read_is_not_a_strange_name(stocked, prompt) -> None:
    with pytest.raises(PromptInvalid, match=r"both are written as <name#1,3:0\.5>"):
        named_concepts(stocked, parse(prompt))
