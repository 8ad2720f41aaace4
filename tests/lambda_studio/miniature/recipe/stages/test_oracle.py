"""The oracle's batches, where and how many at once they are drawn, and its losses."""

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from lambda_studio.miniature.judge.oracle import FINE_GRID, GRID, Oracle
from lambda_studio.miniature.recipe.stages import oracle as stage
from lambda_studio.miniature.recipe.stages.drawing import AHEAD, drawn_ahead
from lambda_studio.miniature.recipe.stages.oracle import oracle_stage
from lambda_studio.miniature.world.identities import NOUNS
from lambda_studio.miniature.world.rendering import SEEN, Rendered, render
from lambda_studio.miniature.world.scenes import Scene, scenes
from lambda_studio.miniature.world.seeding import seeded


class Drawing(Exception):
    """Stops a step where it begins to draw."""


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """The number of pictures in each call of `render`."""
    counts: list[int] = []

    def watched(scene: Scene, pixels: int) -> Rendered:
        counts.append(len(scene))
        return render(scene, pixels)

    monkeypatch.setattr(stage, "render", watched)
    yield counts


def test_the_stage_trains_every_part_of_the_oracle() -> None:
    torch.manual_seed(0)
    oracle = Oracle(width=8, dim=48, grid=FINE_GRID)
    losses = oracle_stage(oracle, seed=1, batch_size=16)(0)
    losses["loss"].backward()
    assert all(p.grad is not None for p in oracle.parameters())
    assert oracle(torch.rand(2, 3, 64, 64)).identity.norm(dim=-1).allclose(torch.ones(2, len(NOUNS)))


def test_pictures_are_drawn_where_the_oracle_is_at_the_step(monkeypatch: pytest.MonkeyPatch) -> None:
    where = []

    def watched(scene: Scene, pixels: int) -> None:
        where.append(scene.x.device.type)
        raise Drawing

    monkeypatch.setattr(stage, "render", watched)
    monkeypatch.setitem(AHEAD, "meta", 1)
    oracle = Oracle(width=8, dim=48)
    loss_of = oracle_stage(oracle, seed=1, batch_size=8)
    oracle.to("meta")  # a training moves the model after its loss is built
    with pytest.raises(Drawing):
        loss_of(0)
    assert where == ["meta"]


def _batches(steps: range) -> list[tuple[Scene, Tensor, Tensor]]:
    batch_of = drawn_ahead(stage._Drawing(3, 5, GRID))
    return [batch_of(step, torch.device("cpu")) for step in steps]


def test_drawing_ahead_draws_each_chunk_once_and_the_same_batches(
    drawn: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    single = _batches(range(2, 9))
    assert drawn == [5] * 7
    drawn.clear()
    monkeypatch.setitem(AHEAD, "cpu", 4)
    ahead = _batches(range(2, 9))  # a resumed training may begin within a chunk
    assert drawn == [20, 20, 20], "steps 0 to 3, 4 to 7, 8 to 11"
    for (scene, images, owner), (other, pictures, owners) in zip(single, ahead, strict=True):
        assert torch.equal(images, pictures) and torch.equal(owner, owners)
        assert torch.equal(scene.who.noun, other.who.noun) and torch.equal(scene.x, other.x)
    assert not torch.equal(single[0][1], single[1][1])


def test_a_step_draws_the_same_each_time_and_steps_differ() -> None:
    torch.manual_seed(0)
    oracle = Oracle(width=8, dim=48).eval()
    loss_of = oracle_stage(oracle, seed=1, batch_size=16)
    with torch.no_grad():
        first, second, again = (float(loss_of(step)["loss"]) for step in (0, 1, 0))
    assert first == again != second


def test_the_pictures_are_noisy_and_every_other_one_is_blurred() -> None:
    images = render(scenes(8, seeded(3, "test")), SEEN).images
    worse = stage._worse(images, seeded(1, "worse", 0))
    off = (worse - images).abs().mean((1, 2, 3))
    assert torch.equal(worse, stage._worse(images, seeded(1, "worse", 0)))
    assert off[1::2].min() > 0 and off[1::2].max() < 0.03 and worse.min() >= 0 and worse.max() <= 1
    assert off[::2].mean() > 1.2 * off[1::2].mean()
