"""The command that draws a picture of no prompt again."""

import pytest

from lambda_studio.models.stacks.specification import BUILT_IN
from lambda_studio.pictures.texts.picture_texts import PictureTexts
from lambda_studio.workflows.drawing.origins import way_to_draw

WAY = ["interpolate", "a <rex>", "a cat", "--frames", "3", "--seed", "7"]
PHOTO = ["reconstruct", "my photo.jpg", "--number", "1", "--seed", "7"]
PLAIN = {"num_inference_steps": 50, "guidance_scale": 3.0, "resolution": None, "height": None, "width": None}
START = "studio interpolate 'a <rex>' 'a cat' --frames 3 --seed 7"


def said(command, settings=None, stack="miniature", adapters=()) -> str:
    """Return the remedy of a picture, where the miniature is in use."""
    texts = PictureTexts(
        prompt="", seed=7, settings={**PLAIN, **(settings or {})}, concepts=(), stack=stack,
        adapters=adapters, origin={"command": command},
    )  # fmt: skip
    return way_to_draw(BUILT_IN["miniature"], texts, (48, 32)).removeprefix("Draw all of that command again")


def test_the_defaults_of_the_stack_are_not_said_and_all_else_is() -> None:
    assert said(WAY) == f": {START} --adapter none"
    settings = {"num_inference_steps": 8, "sampler": "euler", "guidance_scale": 7.5, "deep_cache_interval": 3}
    options = "--steps 8 --sampler euler --guidance 7.5 --deep-cache 3"
    assert said(WAY, settings) == f": {START} {options} --adapter none"
    assert said(WAY, {"resolution": 48}) == f": {START} --resolution 48 --adapter none"
    assert said(WAY, {"width": 48}) == f": {START} --size 48x32 --adapter none"
    assert said(WAY, {"strength": 0.5, "edges": "photo.jpg"}) == f": {START} --adapter none"


def test_the_adapters_are_said_with_their_scales() -> None:
    adapters = (("ab" * 32, 1.0), ("cd" * 32, 0.5))
    assert said(WAY, adapters=adapters) == f": {START} --adapter abababababab --adapter cdcdcdcdcdcd:0.5"


def test_what_no_option_says_is_asked_for() -> None:
    photo = "studio reconstruct 'my photo.jpg' --number 1 --seed 7"
    assert said(PHOTO) == f", with the path of 'my photo.jpg': {photo}"
    assert said(WAY, {"references": "each"}) == f", with references='each' in Python: {START} --adapter none"


@pytest.mark.parametrize(
    ("stack", "options"),
    [("kandinsky-2.2", "--guidance 3 --adapter none --stack kandinsky-2.2"), ("mine", "--steps 50 --guidance 3")],
)
def test_a_picture_of_another_stack_says_which_one(stack, options) -> None:
    assert f"{START} {options}" in said(WAY, stack=stack)
    assert ("--stack and the TOML file of mine" in said(WAY, stack=stack)) == (stack == "mine")
