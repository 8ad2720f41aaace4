"""The prior that learns to follow edges, and the regression that teaches it."""

import pytest
import torch

from lambda_studio.miniature.recipe.embedded import Embedded, embed
from lambda_studio.miniature.recipe.networks import build_prior
from lambda_studio.miniature.recipe.stages.control import Missing, control_stage, control_whitening
from lambda_studio.miniature.recipe.stages.prior import PriorBatches
from lambda_studio.miniature.world.scenes import scenes
from lambda_studio.miniature.world.seeding import seeded
from lambda_studio.models.prior import PriorTransformer
from lambda_studio.models.stacks.stack import Stack, resolve_stack


def test_the_regression_finds_for_each_kind_what_is_missing():
    generator = torch.Generator().manual_seed(0)
    edges = torch.randn(40_000, 6, generator=generator) * torch.tensor([5.0, 1, 1, 1, 1, 0.1])
    kinds, maps = torch.arange(40_000) % 2, torch.randn(2, 6, 6, generator=generator)
    errors = torch.einsum("pi,pio->po", edges, maps[kinds])
    missing = Missing.of(edges, errors, kinds, 2, rank=6)
    known = missing.along(errors - errors.mean(0), kinds)
    off = missing(edges, kinds) - known
    assert off.std() < 0.2 * known.std()
    few = Missing.of(edges, errors, kinds, 2, rank=1)
    assert few(edges, kinds).var() > known.var(0).mean(), "the direction of the largest variance is kept"
    assert few.directions.norm(dim=1).allclose(torch.ones(2, 1))


def test_a_kind_of_which_there_is_no_picture_misses_nothing():
    missing = Missing.of(torch.randn(8, 4), torch.randn(8, 4), torch.zeros(8, dtype=torch.int64), 2)
    assert missing(torch.randn(5, 4), torch.ones(5, dtype=torch.int64)).eq(0).all()


@pytest.fixture(scope="module")
def clip():
    return Stack(resolve_stack("miniature")).clip()


@pytest.fixture(scope="module")
def data(clip):
    scene = scenes(24, seeded(3, "data"))
    return Embedded.of(embed(scene, clip, "canny", seeded(4), at_once=24), clip.zero_image_embeds())


class _IgnoresEdges(PriorTransformer):
    """A prior that reads its control, and predicts the same whatever it is."""

    def forward(self, noise, states, pooled, control, mask):
        return pooled + 0 * self.embedding_control(control)[:, : pooled.shape[1]]


def test_a_prior_that_ignores_edges_has_learnt_nothing_and_changed_nothing(clip, data):
    prior = _IgnoresEdges(num_layers=1, num_attention_heads=8, attention_head_dim=32, embedding_dim=256)
    losses = control_stage(prior, PriorBatches(clip, data, 1, 8, control_dropped=0.0), fitted=2)(0)
    assert losses["unlearnt"].item() == pytest.approx(1) and losses["others"].abs() < 1e-6


def test_prompts_without_edges_are_to_be_answered_as_before(clip, data):
    torch.manual_seed(0)
    batches = PriorBatches(clip, data, 1, 8, control_dropped=1.0)
    losses = control_stage(build_prior().eval(), batches, fitted=2)(0)
    assert losses["loss"] < 1e-3, "the same prior reads whitened edges"


def test_the_layer_that_reads_edges_reads_plain_ones_again(clip, data):
    torch.manual_seed(0)
    prior = build_prior()
    before, control = prior.embedding_control(data.edges.float()), data.edges.float()
    control_stage(prior, PriorBatches(clip, data, 1, 8), fitted=2)
    assert not torch.allclose(prior.embedding_control(control), before, atol=0.1)
    control_whitening(data).fold_into(prior.embedding_control)
    assert (prior.embedding_control(control) - before).abs().max() < 1e-3 * before.std()


def test_the_prior_learns_what_the_regression_says(clip, data):
    torch.manual_seed(0)
    prior = build_prior()
    loss_of = control_stage(prior, PriorBatches(clip, data, 1, 8), fitted=2)
    optimizer, first = torch.optim.AdamW(prior.parameters(), lr=3e-4), loss_of(0)["unlearnt"].item()
    for _ in range(12):
        optimizer.zero_grad()
        loss_of(0)["loss"].backward()
        optimizer.step()
    assert loss_of(0)["unlearnt"] < 0.7 * first
