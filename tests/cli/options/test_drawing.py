"""Options of commands that draw."""

import click
import pytest

from cli.options.drawing import SEED, PictureSize, given_options, picture_options


def test_a_seed_is_a_number_or_a_new_one_and_a_size_is_width_by_height() -> None:
    assert (SEED.convert("7", None, None), SEED.convert("random", None, None)) == (7, None)
    assert PictureSize().convert("768x512", None, None) == {"width": 768, "height": 512}
    with pytest.raises(click.BadParameter, match="'768' is no size"):
        PictureSize().convert("768", None, None)


def test_the_options_come_in_their_order() -> None:
    command = click.command()(picture_options(lambda **settings: None))
    names = [each.name for each in command.params]
    assert names[:3] == ["seed", "num_inference_steps", "sampler"] and names[-1] == "batch_size"


def test_the_options_of_given_pictures_come_in_their_order() -> None:
    command = click.command()(given_options(lambda **settings: None))
    assert [each.name for each in command.params][::2] == ["edges", "edges_high", "from_image", "mask"]
