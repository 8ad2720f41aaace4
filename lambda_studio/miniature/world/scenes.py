"""Generate seeded scenes of the miniature's world: known subjects, worn things and places.

A `Scene` batch is a table of numbers. `rendering.py` draws it, and `captions.py` describes it in words. A seed gives
the same scenes on every device, because the numbers come from the CPU.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import torch
from einops import rearrange
from jaxtyping import Float, Int
from torch import Tensor

from lambda_studio.miniature.world.figures import FIGURES, WORN
from lambda_studio.miniature.world.identities import COLOURS, NOTHING, SLOTS, Identity, identities, shade
from lambda_studio.miniature.world.places import PARAMETERS, PLACES
from lambda_studio.miniature.world.seeding import choose, uniform

RELATIONS = ("alone", "beside", "on top of", "in front of", "chasing", "three")


@dataclass(frozen=True, kw_only=True)
class Scene:
    """A batch of scenes. Slot 0 is the subject, slots 1 and 2 its company; `x y size` are in pictures of -1..1."""

    who: Identity
    relation: Int[Tensor, " batch"]
    x: Float[Tensor, "batch slot"]
    y: Float[Tensor, "batch slot"]
    size: Float[Tensor, "batch slot"]
    facing: Float[Tensor, "batch slot"]
    worn: Int[Tensor, "batch slot"]
    worn_colour: Int[Tensor, "batch slot"]
    worn_rgb: Float[Tensor, "batch slot 3"]
    place: Int[Tensor, " batch"]
    place_parameters: Float[Tensor, "batch parameter"]
    light: Float[Tensor, "batch 3"]

    def __len__(self) -> int:
        return len(self.place)

    def __getitem__(self, index) -> "Scene":
        return Scene(**{f.name: getattr(self, f.name)[index] for f in fields(self)})

    def to(self, device: torch.device | str) -> "Scene":
        return Scene(**{f.name: getattr(self, f.name).to(device) for f in fields(self)})


def scenes(
    count: int,
    generator: torch.Generator,
    held_out: bool = False,
    who: Identity | None = None,
    relation: Tensor | None = None,
    worn_share: float = 0.45,
    things_share: float = 0.08,
) -> Scene:
    """Generate `count` random scenes.

    Args:
        count: The number of scenes.
        generator: The source of randomness.
        held_out: Whether the subjects are held-out identities.
        who: The subjects (`count slot`), or None for random ones.
        relation: The relations, or None for random ones.
        worn_share: The share of figures that wear something.
        things_share: The share of single-subject scenes that show a thing to wear, lying on the ground.
    """
    if relation is None:
        relation = torch.multinomial(
            torch.tensor([0.55, 0.14, 0.09, 0.09, 0.07, 0.06]), count, True, generator=generator
        )
    x, y, size, facing = _stand(relation, generator)
    if who is None:
        people = identities(count * SLOTS, generator, held_out)
        things = identities(count, generator, held_out, tuple(WORN))
        thing = (relation == 0) & (uniform(generator, count) < things_share)
        noun = rearrange(people.noun, "(batch slot) -> batch slot", slot=SLOTS).clone()
        noun[:, 0] = torch.where(thing, things.noun, noun[:, 0])
        who = Identity(**{
            f.name: getattr(people, f.name).unflatten(0, (count, SLOTS)) for f in fields(people) if f.name != "noun"
        }, noun=noun)  # fmt: skip
    company = torch.tensor([1, 2, 2, 2, 2, 3])[relation]
    present = torch.arange(SLOTS) < company[:, None]
    who = replace(who, noun=torch.where(present, who.noun, NOTHING))
    dressed = (uniform(generator, count, SLOTS) < worn_share) & present & (who.noun < len(FIGURES))
    worn_colour = choose(generator, len(COLOURS), count, SLOTS)
    return Scene(
        who=who, relation=relation, x=x, y=y, size=size, facing=facing,
        worn=torch.where(dressed, choose(generator, len(WORN), count, SLOTS), NOTHING),
        worn_colour=worn_colour, worn_rgb=shade(worn_colour, generator),
        place=choose(generator, len(PLACES), count), place_parameters=uniform(generator, count, PARAMETERS),
        light=uniform(generator, count, 1, low=0.86, high=1.06) * uniform(generator, count, 3, low=0.97, high=1.03),
    )  # fmt: skip


def concatenate(parts: Sequence[Scene]) -> Scene:
    """Concatenate several batches of scenes."""
    names = [f.name for f in fields(Scene) if f.name != "who"]
    rest = {name: torch.cat([getattr(part, name) for part in parts]) for name in names}
    who = {f.name: torch.cat([getattr(part.who, f.name) for part in parts]) for f in fields(Identity)}
    return Scene(who=Identity(**who), **rest)


def _stand(relation: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return x, y, size and facing of each slot, by the scene's relation."""
    n = len(relation)
    #          x of the slots       foot of the slots      size     by RELATIONS
    table = torch.tensor([
        [[0.00, 0.0, 0.0], [-0.80, 0.0, 0.0], [0.58, 0.0, 0.0]],
        [[-0.46, 0.46, 0.0], [-0.74, -0.74, 0.0], [0.42, 0.42, 0.0]],
        [[0.00, 0.00, 0.0], [-0.17, -0.90, 0.0], [0.36, 0.40, 0.0]],
        [[-0.24, 0.32, 0.0], [-0.90, -0.42, 0.0], [0.42, 0.42, 0.0]],
        [[0.48, -0.48, 0.0], [-0.70, -0.70, 0.0], [0.38, 0.38, 0.0]],
        [[-0.62, 0.00, 0.62], [-0.72, -0.82, -0.72], [0.31, 0.31, 0.31]],
    ])[relation]  # fmt: skip
    alone = (relation == 0)[:, None]
    wander = torch.where(alone, 0.22, 0.06)
    x = table[:, 0] + wander * uniform(generator, n, SLOTS, low=-1.0)
    foot = table[:, 1] + torch.where(alone, 0.08, 0.03) * uniform(generator, n, SLOTS, low=-1.0)
    size = table[:, 2] * uniform(generator, n, SLOTS, low=0.88, high=1.10)
    facing = torch.where(uniform(generator, n, SLOTS) < 0.5, -1.0, 1.0)
    facing = torch.where((relation == RELATIONS.index("chasing"))[:, None], 1.0, facing)
    return x, foot + size, size, facing
