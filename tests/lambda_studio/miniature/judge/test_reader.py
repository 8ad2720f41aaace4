"""What the reader says of pictures: of a perfect oracle's, and of what ships."""

import pytest
import torch

from lambda_studio.miniature.judge.oracle import (
    identity_of,
)
from lambda_studio.miniature.judge.reader import ANSWERS, Reader, load_reader
from lambda_studio.miniature.world.identities import NOTHING
from lambda_studio.miniature.world.rendering import render
from lambda_studio.miniature.world.scenes import RELATIONS, Scene, scenes
from lambda_studio.miniature.world.seeding import seeded
from tests.lambda_studio.miniature.judge.perfect import Perfect, alone, truth


@pytest.fixture(scope="module")
def reader() -> Reader:
    return load_reader()


@pytest.mark.parametrize("answer", ANSWERS)
def test_the_reader_marks_exactly_what_is_wrong(answer):
    scene = alone(48, seed=7)
    images = torch.zeros(48, 3, 64, 64)
    marks = Reader(Perfect(scene)).mark(images, scene)
    assert [marks.share(name) for name in ANSWERS] == [1.0] * len(ANSWERS)
    assert marks.every(*ANSWERS) == 1.0
    marks = Reader(Perfect(scene, (answer,))).mark(images, scene)
    assert {name for name in ANSWERS if marks.share(name) < 1} == {answer}
    assert marks.share(answer) == 0.0


def test_the_reader_asks_about_everyone_who_is_there():
    two = torch.full((24,), RELATIONS.index("beside"))
    scene = scenes(24, seeded(8, "two"), relation=two)
    marks = Reader(Perfect(scene)).mark(torch.zeros(24, 3, 64, 64), scene)
    asked = {name: ~chances.isnan() for name, chances in marks.probability.items()}
    assert (asked["noun"] == (scene.who.noun != NOTHING)).all()
    assert (asked["worn"] == (scene.worn != NOTHING)).all()
    assert asked["place"].shape == (24, 1) and asked["place"].all()
    half = Reader(Perfect(_swapped(scene))).mark(torch.zeros(24, 3, 64, 64), scene)
    assert half.share("noun") == pytest.approx(0.5, abs=0.1), "one of the two nouns is missing"
    assert half.every("noun") < 0.2


def _swapped(scene: Scene) -> Scene:
    noun = scene.who.noun.clone()
    noun[:, 0] = (noun[:, 0] + 1) % 12
    who = type(scene.who)(**{**vars(scene.who), "noun": noun})
    return Scene(**{**vars(scene), "who": who})


def test_likeness_compares_each_subject_with_its_own_references():
    scene = alone(8, seed=9)
    marks = Reader(Perfect(scene)).mark(torch.zeros(8, 3, 64, 64), scene)
    assert marks.likeness(marks.identity) == pytest.approx(1.0)
    assert marks.likeness(-marks.identity) == pytest.approx(-1.0)
    first = identity_of(truth(scene), scene.who.noun[:, 0])
    assert torch.equal(first, marks.identity[:, 0])


def test_the_reader_reads_rendered_pictures(reader):
    alone = torch.zeros(96, dtype=torch.int64)
    scene = scenes(96, seeded(1, "reader"), held_out=True, relation=alone, things_share=0.0)
    marks = reader.mark(render(scene).images, scene)
    assert marks.share("place") > 0.98
    assert marks.share("noun") > 0.95
    assert marks.share("main") > 0.85 and marks.share("worn") > 0.9, "the card says how well it reads these"
    assert marks.share("details") > 0.85
    shuffled = reader.mark(render(scene).images.roll(1, 0), scene)
    assert shuffled.share("place") < 0.4 and shuffled.share("noun") < 0.4, "it reads the picture, not the question"
