"""Pictures of the miniature's world: seeded, in range, and what a scene says is what its picture shows."""

import pytest
import torch

from lambda_studio.miniature.world.identities import NOTHING, identities
from lambda_studio.miniature.world.rendering import PIXELS, SEEN, render, render_cutouts, seen
from lambda_studio.miniature.world.scenes import scenes
from lambda_studio.miniature.world.seeding import seeded

COUNT = 96


@pytest.fixture(scope="module")
def scene():
    return scenes(COUNT, seeded(1, "test"))


@pytest.fixture(scope="module")
def rendered(scene):
    return render(scene)


def test_the_same_seed_draws_the_same_pictures(rendered):
    again = render(scenes(COUNT, seeded(1, "test")))
    assert torch.equal(again.images, rendered.images)
    assert not torch.equal(render(scenes(COUNT, seeded(2, "test"))).images, rendered.images)


def test_pictures_are_in_range_and_masks_are_where_subjects_are(scene, rendered):
    assert rendered.images.shape == (COUNT, 3, PIXELS, PIXELS)
    assert rendered.images.min() >= 0 and rendered.images.max() <= 1
    visible = rendered.subjects.sum((2, 3))
    assert ((visible > 48) == (scene.who.noun != NOTHING)).all(), "a subject cannot be seen, or a mask has no subject"
    assert ((rendered.worn.sum((2, 3)) > 8) == (scene.worn != NOTHING)).float().mean() > 0.97


def test_the_subjects_colours_are_under_its_mask():
    """Plain mugs: a good part of what the mask covers has their own main colour, and less has another mug's."""
    who = identities(COUNT, seeded(3, "who"), held_out=False, nouns=("mug",))
    plain = who[(who.pattern == 0).nonzero()[:12, 0]]
    cut = render_cutouts(plain, seeded(3, "cut"))
    ink = cut.amin(1) < 0.97

    def share(colour):
        near = (cut - colour[:, :, None, None]).abs().amax(1) < 0.25
        return (near & ink).sum((1, 2)) / ink.sum((1, 2))

    others = plain.main_rgb.roll(1, 0)
    differ = (plain.main_rgb - others).abs().amax(1) > 0.5
    assert (share(plain.main_rgb) > 0.25).all()
    assert differ.sum() > 4 and (share(plain.main_rgb) > share(others))[differ].all()


def test_larger_pictures_show_the_same_scene(scene, rendered):
    small = render(scene, SEEN).images
    assert (small - seen(rendered.images)).abs().mean() < 0.03
    assert (small - seen(rendered.images.roll(1, 0))).abs().mean() > 0.1


def test_a_cutout_fills_its_square_but_for_a_margin():
    who = identities(48, seeded(7, "who"), held_out=True)
    cut = render_cutouts(who, seeded(7, "cut"))
    ink = cut.amin(1) < 0.9
    spans = torch.maximum(ink.any(1).sum(1), ink.any(2).sum(1))
    assert spans.min() >= 50 and spans.max() <= 64
    assert not ink[:, 0, 0].any(), "corners are white"
