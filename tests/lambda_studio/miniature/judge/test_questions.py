"""What is asked about subjects' looks, and what answers cost."""

import pytest
import torch

from lambda_studio.miniature.judge.questions import DETAILS, LOOKS, Readout, answers_loss, questions
from lambda_studio.miniature.world.figures import FIGURES
from lambda_studio.miniature.world.identities import identities, in_every_slot
from lambda_studio.miniature.world.scenes import RELATIONS, scenes
from lambda_studio.miniature.world.seeding import seeded


def test_every_subject_is_asked_about_that_its_noun_tells_from_the_others():
    scene = scenes(300, seeded(6, "asked"))
    about = questions(scene)
    for name, limit in (LOOKS | DETAILS).items():
        truth = about.truth[name][about.asked[name]]
        assert truth.min() >= 0 and truth.max() < limit, name
    things = about.noun >= len(FIGURES)
    assert things.any() and about.asked["main"].all()
    assert not about.asked["pattern"][things].any() and not about.asked["tips"][things].any()
    assert not about.asked["worn"][things].any()
    assert torch.equal(about.asked["worn_colour"], about.truth["worn"] > 0)
    slots = (scene.who.noun[about.row] == about.noun[:, None]).long().argmax(1)
    assert torch.equal(about.position, torch.stack([scene.x, scene.y], -1)[about.row, slots])
    twins = in_every_slot(identities(8, seeded(7, "twins"), held_out=False))
    both = scenes(8, seeded(7, "both"), who=twins, relation=torch.full((8,), RELATIONS.index("beside")))
    assert len(questions(both).row) == 0


def test_right_answers_cost_nothing_and_wrong_ones_do():
    about = questions(scenes(50, seeded(8, "answers")))
    right = {
        name: 30.0 * torch.nn.functional.one_hot(about.truth[name].clamp_min(0), n)
        for name, n in (LOOKS | DETAILS).items()
    }
    assert answers_loss(right, about) < 1e-4
    for name in right:
        wrong = right | {name: right[name].roll(1, 1)}
        assert answers_loss(wrong, about) == pytest.approx(30.0, rel=0.05), name


def test_a_readout_answers_about_the_subject_that_is_named():
    torch.manual_seed(0)
    readout, embeds = Readout(16), torch.nn.functional.normalize(torch.randn(3, 16), dim=-1)
    nouns = torch.tensor([0, 1, 1])
    assert readout.position(embeds, nouns).shape == (3, 2)
    assert {name: tuple(said.shape) for name, said in readout(embeds, nouns).items()} == {
        name: (3, count) for name, count in LOOKS.items()
    }
    other = readout.position(embeds, torch.tensor([0, 2, 1]))
    assert other.equal(readout.position(embeds, nouns)) is False and other[::2].equal(
        readout.position(embeds, nouns)[::2]
    )
