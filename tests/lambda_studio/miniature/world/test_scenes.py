"""The miniature's world: seeded, complete, and what it says of a picture is what the picture shows."""

import pytest
import torch

from lambda_studio.miniature.world.captions import PLACE_PHRASES
from lambda_studio.miniature.world.figures import FIGURES, PATTERNS, WORN
from lambda_studio.miniature.world.places import PLACES
from lambda_studio.miniature.world.scenes import (
    COLOURS,
    NOTHING,
    NOUNS,
    PIXELS,
    SEEN,
    SLOTS,
    concatenate,
    identities,
    is_held_out,
    render,
    render_cutouts,
    scenes,
    seen,
)
from lambda_studio.miniature.world.seeding import seeded
from tests.lambda_studio.miniature.judge.perfect import alone

COUNT = 96


@pytest.fixture(scope="module")
def scene():
    return scenes(COUNT, seeded(1, "test"))


@pytest.fixture(scope="module")
def rendered(scene):
    return render(scene)


def test_the_world_has_the_variety_that_the_design_asks_for():
    assert len(FIGURES) >= 10
    assert len(WORN) >= 5
    assert len(PLACES) >= 6
    assert any(" " in noun for noun in NOUNS), "no noun of two tokens"
    assert tuple(PLACE_PHRASES) == tuple(PLACES)


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


def test_held_out_identities_are_a_tenth_and_disjoint_by_noun_colours_and_pattern():
    pool = identities(4000, seeded(4, "pool"), held_out=False)
    assert not is_held_out(pool).any()
    unseen = identities(200, seeded(5, "pool"), held_out=True)
    assert is_held_out(unseen).all() and len(unseen.noun) == 200
    keys = [
        set(zip(*(getattr(w, f).tolist() for f in ("noun", "main", "second", "pattern")), strict=True))
        for w in (pool, unseen)
    ]
    assert not keys[0] & keys[1]
    every = torch.cartesian_prod(*(torch.arange(n) for n in (len(FIGURES), len(COLOURS), len(COLOURS), len(PATTERNS))))
    kept = every[every[:, 1] != every[:, 2]]
    template = identities(1, seeded(6, "pool"), held_out=False)[torch.zeros(len(kept), dtype=torch.int64)]
    whole = type(template)(
        **{**vars(template), **dict(zip(("noun", "main", "second", "pattern"), kept.T, strict=True))}
    )
    assert 0.07 < is_held_out(whole).float().mean() < 0.13


def test_a_cutout_fills_its_square_but_for_a_margin():
    who = identities(48, seeded(7, "who"), held_out=True)
    cut = render_cutouts(who, seeded(7, "cut"))
    ink = cut.amin(1) < 0.9
    spans = torch.maximum(ink.any(1).sum(1), ink.any(2).sum(1))
    assert spans.min() >= 50 and spans.max() <= 64
    assert not ink[:, 0, 0].any(), "corners are white"


def test_scenes_are_put_one_after_the_other():
    first, second = alone(3, seed=10), alone(2, seed=11)
    whole = concatenate([first, second])
    assert len(whole) == 5 and whole.who.noun.shape == (5, SLOTS)
    assert torch.equal(render(whole[3:]).images, render(second).images)
