"""What the prior's stage shows the prior."""

import pytest
import torch

from lambda_studio.miniature.recipe.embedded import Embedded, embed
from lambda_studio.miniature.recipe.stages.prior import PriorBatches, prior_stage
from lambda_studio.miniature.world.scenes import scenes
from lambda_studio.miniature.world.seeding import seeded
from lambda_studio.models.prior import PriorTransformer
from lambda_studio.models.stacks.stack import Stack, resolve_stack


@pytest.fixture(scope="module")
def clip():
    return Stack(resolve_stack("miniature")).clip()


@pytest.fixture(scope="module")
def data(clip):
    scene = scenes(16, seeded(3, "data"), worn_share=1.0)
    return Embedded.of(embed(scene, clip, "canny", seeded(4), at_once=16), clip.zero_image_embeds())


class _Asked(PriorTransformer):
    """A prior that remembers its inputs, and predicts zeros."""

    def forward(self, *inputs):
        self.inputs = inputs
        return torch.zeros(len(inputs[0]), 256, requires_grad=True)


def test_the_prior_sees_the_subjects_and_the_edges_of_each_scene(clip, data):
    asked = _Asked(num_layers=1, embedding_dim=256, num_embeddings=32)
    losses = prior_stage(asked, PriorBatches(clip, data, 1, 8, control_dropped=0.0, text_only=0.0))(0)
    _, hidden, _, control, mask = asked.inputs
    assert losses["mse"] > 0
    rows = (torch.cdist(control.float(), data.edges.float()) < 1e-3).nonzero()
    assert rows[:, 0].tolist() == list(range(8)), "edges of a scene, for each prompt"
    for place, row in rows.tolist():
        own = data.cutouts[data.cutout_rows[row, 0]].float()
        assert (torch.cdist(hidden[place][mask[place]], own[None]) < 1e-3).any(), "the subject's own picture"
    prior_stage(asked, PriorBatches(clip, data, 1, 8, control_dropped=1.0, text_only=1.0))(0)
    _, words, pooled, control, _ = asked.inputs
    assert control.equal(data.zero.expand(8, -1)) and len(pooled) == 8
    assert (torch.cdist(words, data.cutouts.float()[None]) > 1).all(), "words alone"


def test_prompts_that_are_written_ahead_are_the_same(clip, data):
    prior = _Asked(num_layers=1, embedding_dim=256, num_embeddings=32)
    here, ahead = (prior_stage(prior, PriorBatches(clip, data, 1, 4, workers=workers)) for workers in (0, 1))
    for step in (0, 1, 5):
        assert here(step)["loss"].item() == ahead(step)["loss"].item()
