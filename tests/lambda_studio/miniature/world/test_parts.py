"""Parts: each figure shows the colours of its tips and its odd part, and they take no draws from the scenes."""

import hashlib
from dataclasses import replace

import pytest
import torch

from lambda_studio.miniature.world.captions import captions
from lambda_studio.miniature.world.figures import FIGURES
from lambda_studio.miniature.world.identities import COLOURS, PARTS, Identity, identities, in_every_slot
from lambda_studio.miniature.world.rendering import render
from lambda_studio.miniature.world.scenes import Scene, scenes
from lambda_studio.miniature.world.seeding import seeded


def undressed(who: Identity, seed: int) -> Scene:
    alone = torch.zeros(len(who.noun), dtype=torch.int64)
    return scenes(len(alone), seeded(seed, "undressed"), who=in_every_slot(who), relation=alone, worn_share=0.0)


@pytest.mark.parametrize("noun", FIGURES)
def test_every_part_of_every_figure_is_seen_and_the_two_do_not_overlap(noun):
    """A part's pixels are those that change with its colour."""
    scene = undressed(identities(24, seeded(5, noun), held_out=False, nouns=(noun,)), 5)
    drawn, changed = render(scene), {}
    for part in PARTS:
        other = (getattr(scene.who, part) + 1) % len(COLOURS)
        images = render(replace(scene, who=replace(scene.who, **{part: other}))).images
        changed[part] = (images - drawn.images).abs().amax(1) > 0.08
        assert (changed[part].sum((1, 2)) > 12).all(), f"{part} has too few pixels to be read"
        assert not (changed[part] & (drawn.subjects[:, 0] < 0.01)).any(), f"{part} lies beside its subject"
    everywhere = torch.stack(list(changed.values())).float().sum(0)
    assert ((everywhere > 1).sum((1, 2)) <= 0.25 * (everywhere > 0).sum((1, 2))).all()


def test_parts_are_of_every_colour_but_the_bodys_alike_and_independent_of_each_other():
    who = identities(6000, seeded(7, "many"), held_out=False)
    for part in PARTS:
        shares = getattr(who, part).bincount(minlength=len(COLOURS)) / len(who.noun)
        assert (shares - 0.1).abs().max() < 0.02, part
        assert (getattr(who, part) != who.main).all()
    for one, other in ((who.tips, who.odd), (who.odd, who.second), (who.tips, who.second)):
        pairs = (one * 10 + other).bincount(minlength=100) / len(one)
        assert pairs.max() < 0.03 and (one == other).float().mean() < 0.2


def test_the_scenes_of_a_seed_are_those_of_the_world_before_it_had_parts():
    """The hash was computed with the world as it was: its test set must not move."""
    scene = scenes(64, seeded(1000, "zero-shot"), held_out=True)
    parts = (scene.who.main, scene.who.pattern, scene.who.proportions, scene.x, scene.worn, scene.place_parameters)
    digest = hashlib.sha256(b"".join(part.contiguous().numpy().tobytes() for part in parts)).hexdigest()
    assert digest == "51666d62036c25595b2af78ba88edd448911b0ff89962cd718db6bb9d7c9d2cd"


def test_no_caption_names_a_colour_of_a_part_alone():
    """Colours in captions are the main and the second one, of the subject or of its worn thing."""
    who = in_every_slot(identities(200, seeded(8, "words"), held_out=False))
    scene = scenes(200, seeded(8, "s"), who=who, relation=torch.zeros(200, dtype=torch.int64))
    names = list(COLOURS)
    for row, caption in enumerate(captions(scene, seeded(8, "c"), attributes=1.0, places=0.0)):
        allowed = {names[int(value[row, 0])] for value in (scene.who.main, scene.who.second, scene.worn_colour)}
        assert {word for word in caption.text.split() if word in names} <= allowed
