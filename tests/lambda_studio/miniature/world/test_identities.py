"""Subjects of the miniature's world: seeded, and a tenth of them never seen in training."""

import torch

from lambda_studio.miniature.world.figures import FIGURES, PATTERNS
from lambda_studio.miniature.world.identities import COLOURS, identities, is_held_out, shade
from lambda_studio.miniature.world.seeding import seeded


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


def test_no_two_shades_of_a_colour_are_the_same_and_all_are_near_it() -> None:
    shades = shade(torch.zeros(50, dtype=torch.int64), seeded(8, "shades"))
    assert len(shades.unique(dim=0)) == 50
    assert (shades - torch.tensor(COLOURS["red"])).abs().max() <= 0.07 + 1e-6
