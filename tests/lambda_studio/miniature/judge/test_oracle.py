"""The oracle's own losses, and whose each cell of its grid is."""

import pytest
import torch
import torch.nn.functional as F

from lambda_studio.miniature.judge.oracle import (
    FINE_GRID,
    GRID,
    Oracle,
    identity_loss,
    oracle_loss,
    owners,
)
from lambda_studio.miniature.judge.questions import DETAILS, LOOKS
from lambda_studio.miniature.world.identities import NOUNS, identities, in_every_slot
from lambda_studio.miniature.world.rendering import render
from lambda_studio.miniature.world.scenes import RELATIONS, scenes
from lambda_studio.miniature.world.seeding import seeded
from tests.lambda_studio.miniature.judge.perfect import alone, owners_of, truth


def test_an_oracle_that_knows_the_truth_loses_nothing():
    scene = scenes(64, seeded(4, "truth"))
    owner = owners_of(scene)
    right, wrong = (oracle_loss(truth(scene, answers), scene, owner) for answers in ((), ("main",)))
    assert right < 0.1 < 5 < wrong


def test_a_cell_belongs_to_whom_it_mostly_shows():
    scene = alone(12, seed=12)
    owner = owners_of(scene)
    assert owner.shape == (12, GRID**2)
    corner = owner[:, 0]
    assert (corner == len(NOUNS)).all(), "nobody stands in the sky's corner"
    for row in range(12):
        assert set(owner[row].tolist()) == {int(scene.who.noun[row, 0]), len(NOUNS)}
    assert owners(render(scene), scene, FINE_GRID).shape == (12, FINE_GRID**2)


def test_the_oracle_is_not_asked_about_a_noun_that_is_there_twice():
    two = torch.full((8,), RELATIONS.index("beside"))
    scene = scenes(8, seeded(5, "twins"), who=in_every_slot(identities(8, seeded(5, "who"), False)), relation=two)
    reading = truth(scene, ("main", "second", "pattern", "worn", "worn_colour"))
    assert oracle_loss(reading, scene, owners_of(scene)) < 0.1
    assert oracle_loss(truth(scene, ("place",)), scene, owners_of(scene)) > 5


def test_an_oracle_that_learns_new_questions_answers_the_old_ones_as_before():
    torch.manual_seed(0)
    older, images = Oracle(width=4, dim=24).eval(), torch.rand(2, 3, 64, 64)
    torch.nn.init.normal_(older.relevance.weight)
    state = dict(older.state_dict())
    first = 1 + len(LOOKS)  # `present` comes before the looks, and the identity after all questions
    for name in ("relevance.weight", "relevance.bias"):
        state[name] = torch.cat([state[name][:first], state[name][-1:]])
    state = {name: value for name, value in state.items() if name.split(".")[1] not in DETAILS}
    newer = Oracle(width=4, dim=24).eval()
    newer.start_from_oracle(state)
    with torch.no_grad():
        said, before = newer(images), older(images)
    assert all(torch.equal(said.nouns[name], before.nouns[name]) for name in ("present", *LOOKS))
    assert torch.equal(said.identity, before.identity) and torch.equal(said.cells, before.cells)


def test_features_are_those_of_a_linear_layer_over_all_stages_at_the_size_of_the_grid():
    torch.manual_seed(0)
    oracle, images = Oracle(width=4, dim=24, grid=FINE_GRID).eval(), torch.rand(2, 3, 64, 64)
    with torch.no_grad():
        first = oracle.tower.layer1(oracle.tower.stem(images * 2 - 1))
        second = oracle.tower.layer2(first)
        stages = (first, second, oracle.tower.layer3(second))
        large = torch.cat([F.interpolate(each, (FINE_GRID, FINE_GRID), mode="bilinear") for each in stages], 1)
        features = F.silu(oracle.features(large.flatten(2).transpose(1, 2)))
        read = oracle(images)
    assert [each.shape[-1] for each in stages] == [16, 8, 4]
    assert torch.allclose(read.cells, oracle.cells(features), atol=1e-5)
    assert torch.allclose(read.place, oracle.place(features.mean(1)), atol=1e-5)


def test_an_oracle_with_smaller_cells_begins_with_what_another_reads():
    torch.manual_seed(0)
    coarse, fine, images = (
        Oracle(width=4, dim=24).eval(),
        Oracle(width=4, dim=24, grid=FINE_GRID).eval(),
        torch.rand(2, 3, 64, 64),
    )
    fine.start_from_oracle(coarse.state_dict())
    with torch.no_grad():
        large, small = coarse(images), fine(images)
    assert torch.equal(fine.features.weight[:, : 4 * 4], torch.zeros(24, 16)), "of the first stage"
    cells = [each.cells.unflatten(1, (side, side)) for each, side in ((large, GRID), (small, FINE_GRID))]
    corners = [each[:, 0, 0] for each in cells]  # at a corner nothing is interpolated
    assert torch.allclose(*corners, atol=1e-5)
    with pytest.raises(ValueError, match="reads more stages"):
        coarse.start_from_oracle(fine.state_dict())


def test_an_oracle_has_one_of_two_grids():
    with pytest.raises(ValueError, match="8 or 16 cells, not 12"):
        Oracle(width=4, dim=24, grid=12)


def test_identities_are_told_apart_both_ways():
    first = torch.nn.functional.normalize(torch.randn(8, 16, generator=seeded(6, "x")), dim=-1)
    assert identity_loss(first, first) < identity_loss(first, first.roll(1, 0))
    logits = first @ first.roll(1, 0).T / 0.1
    by_hand = (-logits.log_softmax(1).diagonal().mean() - logits.log_softmax(0).diagonal().mean()) / 2
    assert torch.allclose(identity_loss(first, first.roll(1, 0)), by_hand, atol=1e-5)
