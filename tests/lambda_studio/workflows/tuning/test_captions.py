"""A caption as a prompt names its subject where the caption does."""

import pytest

from lambda_studio.generation.template import parse
from lambda_studio.workflows.tuning.captions import caption_prompts


@pytest.mark.parametrize(
    ("caption", "prompt"),
    [
        ("a <rex> on a sofa, < REX > asleep", "a <rex> on a sofa, <rex> asleep"),
        ("photo of Rex dog on a sofa", "photo of <rex> on a sofa"),
        ("rex, a dog, rex's sofa", "<rex>, a dog, <rex>'s sofa"),
        ("a Dog beside a dog and a hotdog", "a <rex> beside a dog and a hotdog"),
        ("a hotdog in the snow", "a <rex>, a hotdog in the snow"),
        ("in the snow", "a <rex>, in the snow"),
        ("a <hat> on a dog, 1 < 2 \\", "a \\<hat\\> on a <rex>, 1 \\< 2 \\\\"),
        ("<rex", "\\<<rex>"),
    ],
)
def test_the_subject_is_named_where_the_caption_names_it(caption: str, prompt: str) -> None:
    found, first = caption_prompts(caption, "rex", "dog")
    assert found == prompt
    assert parse(found).names == parse(first).names == ("rex",)
    assert first.startswith("a <rex>, ")


def test_names_and_nouns_of_any_characters_are_found() -> None:
    assert caption_prompts("a c++ (2) mug", "c++ (2)", "mug")[0] == "a <c++ (2)>"
    assert caption_prompts("my a:0.5 toy", "a:0.5", "stuffed toy")[0] == "my <a\\:0.5> toy"
    assert caption_prompts("a stuffed  toy", "rex", "stuffed toy")[0] == "a <rex>, a stuffed  toy"
