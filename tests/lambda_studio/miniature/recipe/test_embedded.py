"""The prior's data: embeddings of what the scenes show, and the row of each cut-out."""

import pytest
import torch
import torch.nn.functional as F

from lambda_studio.miniature.recipe.corpus import edges
from lambda_studio.miniature.recipe.embedded import Embedded, embed
from lambda_studio.miniature.world.identities import NOTHING
from lambda_studio.miniature.world.rendering import render, render_cutouts, seen
from lambda_studio.miniature.world.scenes import scenes
from lambda_studio.miniature.world.seeding import seeded
from lambda_studio.models.stacks.stack import Stack, resolve_stack


@pytest.fixture(scope="module")
def clip():
    return Stack(resolve_stack("miniature")).clip(("vision",))


@pytest.fixture(scope="module")
def scene():
    return scenes(24, seeded(3, "embedded"), worn_share=1.0)


@pytest.fixture(scope="module")
def data(scene, clip) -> Embedded:
    return Embedded.of(embed(scene, clip, "gradient", seeded(4), at_once=7), clip.zero_image_embeds())


def alike(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    return F.cosine_similarity(one.float(), other.float())


def test_embeddings_are_those_of_the_pictures_and_of_their_edges(scene, data, clip):
    images = render(scene).images
    assert alike(data.images, clip.encode_pixels(seen(images))).min() > 0.98
    stored = (images.permute(0, 2, 3, 1) * 255).round().byte().numpy()
    maps = edges(stored, torch.arange(24), "gradient")
    assert alike(data.edges, clip.encode_pixels(seen(maps))).min() > 0.98
    assert data.images.dtype == torch.float16 and data.zero.equal(clip.zero_image_embeds())
    assert data.scene.x.equal(scene.x) and data.scene.who.noun.equal(scene.who.noun)


def test_each_subject_has_the_row_of_its_own_cut_out(scene, data, clip):
    row, slot = (scene.who.noun != NOTHING).nonzero().T
    own = clip.encode_pixels(render_cutouts(scene.who[row, slot], seeded(9)))
    found = data.cutouts[data.cutout_rows[row, slot]]
    assert len(data.cutouts) == len(row)
    assert (alike(found, own) > alike(found.roll(1, 0), own)).float().mean() > 0.9, (
        "another drawing of the same subject"
    )
    assert (data.cutout_rows[scene.who.noun == NOTHING] == -1).all()
    worn = scene.worn != NOTHING
    assert data.worn_rows[worn].tolist() == list(range(len(data.worn_cutouts))) and worn.any()


def test_the_first_scenes_keep_all_cut_outs(data):
    part = data.first(5)
    assert (len(part), len(part.scene), len(part.cutout_rows)) == (5, 5, 5)
    assert part.edges.equal(data.edges[:5]) and part.cutouts.equal(data.cutouts)
    assert len(data.first(None)) == 24
