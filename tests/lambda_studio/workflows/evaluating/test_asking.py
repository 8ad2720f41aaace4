"""What is drawn: every concept, groups of different nouns, and prompts without a concept."""

import torch

from lambda_studio.workflows.evaluating.asking import MOST_GROUPS, NEUTRAL, alone, groups, neutral, predicted, together


def named(found) -> list[tuple[str, ...]]:
    return [tuple(each.name for each in group) for group in found]


def test_each_concept_is_drawn_on_both_prompts_with_seeds_of_its_own(studio, put, plain) -> None:
    concepts = [put("rex", plain("red")), put("mug", plain("blue"), noun="cat")]
    asked = alone(studio.workplace, concepts, 3, 40)
    assert [(each.names, each.prompt.text, each.seed) for each in asked] == [
        (("rex",), "a dog on the beach", 40),
        (("rex",), "a dog in the snow", 41),
        (("rex",), "a dog on the beach", 42),
        (("mug",), "a cat on the beach", 43),
        (("mug",), "a cat in the snow", 44),
        (("mug",), "a cat on the beach", 45),
    ]


def test_groups_have_every_concept_and_different_nouns_where_there_are_some(put, plain) -> None:
    rex, max_, mug = put("rex", plain("red")), put("max", plain("green")), put("mug", plain("blue"), noun="cat")
    assert named(groups([rex, max_, mug], 2)) == [("rex", "mug"), ("max", "mug")]
    assert named(groups([rex, max_, mug], 3)) == [("rex", "mug", "max")]
    assert named(groups([rex, max_], 2)) == [("rex", "max")], "there is no other noun"
    assert groups([rex, max_], 3) == []
    many = [put(f"hat{number}", plain("red"), noun=f"noun{number}") for number in range(MOST_GROUPS + 3)]
    assert len(groups(many, 2)) == MOST_GROUPS


def test_several_are_drawn_together_and_prompts_without_any(studio, put, plain) -> None:
    concepts = [put("rex", plain("red")), put("mug", plain("blue"), noun="cat")]
    pairs = together(studio.workplace, concepts, 2, 2, 7)
    assert [(each.names, each.prompt.text, each.seed) for each in pairs] == [
        (("rex", "mug"), "a dog beside a cat on the beach", 7),
        (("rex", "mug"), "a dog beside a cat on the beach", 8),
    ]
    assert together(studio.workplace, concepts, 3, 2, 7) == []
    without = neutral(studio.workplace, 3)
    assert [(each.names, each.prompt.text) for each in without] == [((), prompt) for prompt in NEUTRAL]
    assert [each.seed for each in without] == list(range(3, 3 + len(NEUTRAL)))


def test_the_prior_predicts_each_picture_from_its_concepts_and_its_seed(studio, put, plain) -> None:
    place = studio.workplace
    concepts = [put("rex", plain("red")), put("max", plain("blue"))]
    embeds = predicted(place, alone(place, concepts, 1, 5))
    assert embeds.shape == (2, 32)
    again = predicted(place, alone(place, concepts[:1], 1, 5))
    assert torch.allclose(again[0], embeds[0], atol=1e-5)
    assert not torch.allclose(predicted(place, alone(place, concepts[1:], 1, 5))[0], embeds[0], atol=1e-3)
