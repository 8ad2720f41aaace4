"""The subjects of the miniature's world: each has a noun, colours, a pattern and proportions of its own."""

from dataclasses import dataclass, fields

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from lambda_studio.miniature.world.figures import FIGURES, PATTERNS, WORN
from lambda_studio.miniature.world.seeding import choose, uniform

COLOURS: dict[str, tuple[float, float, float]] = {
    "red": (0.88, 0.16, 0.16), "orange": (0.98, 0.55, 0.10), "yellow": (0.98, 0.88, 0.20), "green": (0.22, 0.66, 0.26),
    "blue": (0.18, 0.38, 0.88), "purple": (0.52, 0.22, 0.72), "pink": (0.98, 0.58, 0.76), "brown": (0.48, 0.28, 0.14),
    "white": (0.95, 0.95, 0.95), "black": (0.16, 0.16, 0.18),
}  # fmt: skip
NOUNS = (*FIGURES, *WORN)
"""The nouns of all subjects: twelve figures, then the things to wear, which can also lie on the ground."""
PARTS = ("tips", "odd")
"""The parts of a figure that have colours of their own, which no caption names."""
SLOTS = 3
NOTHING = -1
"""The value of `Scene.worn` without a worn thing, and of `Identity.noun` in an empty slot."""


@dataclass(frozen=True, kw_only=True)
class Identity:
    """A batch of subjects, each with its own looks. All tensors share their leading shape."""

    noun: Int[Tensor, "*n"]
    main: Int[Tensor, "*n"]
    second: Int[Tensor, "*n"]
    pattern: Int[Tensor, "*n"]
    tips: Int[Tensor, "*n"]
    odd: Int[Tensor, "*n"]
    """The colours of two parts of the figure, which no caption names."""
    main_rgb: Float[Tensor, "*n 3"]
    second_rgb: Float[Tensor, "*n 3"]
    scale: Float[Tensor, "*n"]
    proportions: Float[Tensor, "*n 4"]

    def __getitem__(self, index) -> "Identity":
        return Identity(**{f.name: getattr(self, f.name)[index] for f in fields(self)})

    def to(self, device: torch.device | str) -> "Identity":
        return Identity(**{f.name: getattr(self, f.name).to(device) for f in fields(self)})


def in_every_slot(who: Identity) -> Identity:
    """Expand `n` identities to `n slot`, the shape for scenes with one subject each."""
    values = {f.name: getattr(who, f.name) for f in fields(Identity)}
    return Identity(**{k: v[:, None].expand(-1, SLOTS, *v.shape[1:]).clone() for k, v in values.items()})


def is_held_out(identity: Identity) -> Bool[Tensor, "*n"]:
    """Return whether an identity is held out: a tenth of all (noun, colours, pattern), never used for training."""
    code = ((identity.noun * 31 + identity.main) * 37 + identity.second) * 41 + identity.pattern
    return (code * 7919 % 1000) % 10 == 0


def identities(
    count: int, generator: torch.Generator, held_out: bool, nouns: tuple[str, ...] = tuple(FIGURES)
) -> Identity:
    """Draw `count` subjects from the held-out tenth, or from the rest."""
    table = torch.tensor([NOUNS.index(noun) for noun in nouns])
    pool = _draw_identities(count * (24 if held_out else 2) + 64, generator, table)
    wanted = (is_held_out(pool) == held_out).nonzero()[:, 0][:count]
    if len(wanted) < count:
        return identities(count, generator, held_out, nouns)
    return pool[wanted]


def _draw_identities(count: int, generator: torch.Generator, nouns: Tensor) -> Identity:
    main = choose(generator, len(COLOURS), count)
    second = (main + 1 + choose(generator, len(COLOURS) - 1, count)) % len(COLOURS)
    pattern = choose(generator, len(PATTERNS), count)
    looks = {
        "noun": nouns[choose(generator, len(nouns), count)], "main": main, "second": second, "pattern": pattern,
        "main_rgb": shade(main, generator), "second_rgb": shade(second, generator),
        "scale": uniform(generator, count, low=-1.0), "proportions": uniform(generator, count, 4, low=-1.0),
    }  # fmt: skip
    parts = {name: (main + 1 + step) % len(COLOURS) for name, step in zip(PARTS, _digits(looks), strict=True)}
    return Identity(**looks, **parts)


def _digits(looks: dict[str, Tensor]) -> list[Int[Tensor, " n"]]:
    """Return a digit for each part's colour, from the last bits of the proportions.

    So the parts have no draws of their own, and the scenes of a seed are those of the world before it had them.
    """
    code = (looks["proportions"].double() * 2**23).round().long()
    code = (code * torch.tensor([7919, 104_729, 1_299_709, 15_485_863])).sum(-1).abs() // 8
    base = len(COLOURS) - 1
    return [code // base**place % base for place in range(len(PARTS))]


def shade(colour: Tensor, generator: torch.Generator, spread: float = 0.07) -> Tensor:
    """Return the named colours' values with a small random offset, so that no two red dogs have the same red."""
    exact = torch.tensor(list(COLOURS.values()))[colour]
    return (exact + uniform(generator, *colour.shape, 3, low=-spread, high=spread)).clamp(0.03, 1)
