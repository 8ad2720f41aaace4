"""Subjects, models and questions of the claims."""

import pytest
import torch
from PIL import Image

from lambda_studio.generation.generator import PictureRequest, draw
from lambda_studio.generation.prompt import bind
from lambda_studio.generation.template import parse
from lambda_studio.miniature.paper import players as models
from lambda_studio.miniature.paper.players import Players, identity, images_of, photographs
from lambda_studio.miniature.world.identities import is_held_out


def test_subjects_are_new_to_the_models_and_their_photographs_are_like_them() -> None:
    players = Players()
    subjects = players.subjects(3, 1)
    assert all(bool(is_held_out(each.who).all()) for each in subjects)
    assert [each.noun for each in subjects] == [each.noun for each in players.subjects(3, 1)]
    assert {each.noun for each in players.subjects(4, 1, ("dog",))} == {"dog"}
    for at, each in enumerate(subjects):
        own = players.reader.read(photographs(each.who, 2, 99))
        assert identity(own, 0, each) > 0.7
        scores = players.scores(photographs(each.who, 1, 99 + at), [("a {0}", [each])])
        assert scores["present"] == 1.0 and scores["identity"] > 0.7


def test_pictures_are_those_that_generate_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "STEPS", 1)
    players = Players()
    (subject,) = players.subjects(1, 1)
    (image,) = players.drawn([("a {0} in the snow", [subject])], 2)
    prompt = bind(parse("a <s> in the snow"), {"s": subject.noun}, players.stack.tokenizer)
    request = PictureRequest(prompt, 2000, {"s": subject.embeds})
    (same,) = draw(players.stack, [request], players.zero, players.config)
    assert image == same.to_image()


def test_pictures_have_their_values() -> None:
    (image,) = images_of(torch.full((1, 3, 2, 2), 0.5))
    assert isinstance(image, Image.Image) and image.getpixel((1, 1)) == (128, 128, 128)
