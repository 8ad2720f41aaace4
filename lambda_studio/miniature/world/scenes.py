"""Generate and render seeded scenes of the miniature's world: known subjects, worn things and places.

A `Scene` batch is a table of numbers. `render` draws it, and `captions.py` describes it in words. Everything is
batched and runs on any device. A seed gives the same scenes on every device, because the numbers come from the CPU.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Bool, Float, Int
from torch import Tensor

from lambda_studio.miniature.world import figures
from lambda_studio.miniature.world.figures import FIGURES, PATTERNS, WORN, WORN_ALONE, Skin
from lambda_studio.miniature.world.places import PARAMETERS, PLACES
from lambda_studio.miniature.world.shapes import Pen

PIXELS = 128
"""The side of a rendered picture in pixels, and of those that the miniature draws."""
SEEN = 64
"""The side at which the miniature's CLIP and its oracle see a picture."""
COLOURS: dict[str, tuple[float, float, float]] = {
    "red": (0.88, 0.16, 0.16), "orange": (0.98, 0.55, 0.10), "yellow": (0.98, 0.88, 0.20), "green": (0.22, 0.66, 0.26),
    "blue": (0.18, 0.38, 0.88), "purple": (0.52, 0.22, 0.72), "pink": (0.98, 0.58, 0.76), "brown": (0.48, 0.28, 0.14),
    "white": (0.95, 0.95, 0.95), "black": (0.16, 0.16, 0.18),
}  # fmt: skip
NOUNS = (*FIGURES, *WORN)
"""The nouns of all subjects: twelve figures, then the things to wear, which can also lie on the ground."""
PARTS = ("tips", "odd")
"""The parts of a figure that have colours of their own, which no caption names."""
RELATIONS = ("alone", "beside", "on top of", "in front of", "chasing", "three")
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


def seen(images: Float[Tensor, "batch channel height width"]) -> Float[Tensor, "batch channel seen seen"]:
    """Shrink pictures to the side at which CLIP and the oracle see them: each pixel is the mean of those it covers."""
    return F.adaptive_avg_pool2d(images, SEEN)


def in_every_slot(who: Identity) -> Identity:
    """Expand `n` identities to `n slot`, the shape for scenes with one subject each."""
    values = {f.name: getattr(who, f.name) for f in fields(Identity)}
    return Identity(**{k: v[:, None].expand(-1, SLOTS, *v.shape[1:]).clone() for k, v in values.items()})


def concatenate(parts: Sequence[Scene]) -> Scene:
    """Concatenate several batches of scenes."""
    names = [f.name for f in fields(Scene) if f.name != "who"]
    rest = {name: torch.cat([getattr(part, name) for part in parts]) for name in names}
    who = {f.name: torch.cat([getattr(part.who, f.name) for part in parts]) for f in fields(Identity)}
    return Scene(who=Identity(**who), **rest)


@dataclass(frozen=True, kw_only=True)
class Rendered:
    """Pictures in 0..1, and the visible pixels of each slot's subject and of its worn thing."""

    images: Float[Tensor, "batch 3 height width"]
    subjects: Float[Tensor, "batch slot height width"]
    worn: Float[Tensor, "batch slot height width"]


def _uniform(generator: torch.Generator, *shape: int, low: float = 0.0, high: float = 1.0) -> Tensor:
    return torch.rand(*shape, generator=generator) * (high - low) + low


def _choose(generator: torch.Generator, count: int, *shape: int) -> Tensor:
    return torch.randint(count, shape, generator=generator)


def _rgb(colour: Tensor, generator: torch.Generator, spread: float = 0.07) -> Tensor:
    """Return the named colours' values with a small random offset, so that no two red dogs have the same red."""
    exact = torch.tensor(list(COLOURS.values()))[colour]
    return (exact + _uniform(generator, *colour.shape, 3, low=-spread, high=spread)).clamp(0.03, 1)


def is_held_out(identity: Identity) -> Bool[Tensor, "*n"]:
    """Return whether an identity is held out: a tenth of all (noun, colours, pattern), never used for training."""
    code = ((identity.noun * 31 + identity.main) * 37 + identity.second) * 41 + identity.pattern
    return (code * 7919 % 1000) % 10 == 0


def _draw_identities(count: int, generator: torch.Generator, nouns: Tensor) -> Identity:
    main = _choose(generator, len(COLOURS), count)
    second = (main + 1 + _choose(generator, len(COLOURS) - 1, count)) % len(COLOURS)
    pattern = _choose(generator, len(PATTERNS), count)
    looks = {
        "noun": nouns[_choose(generator, len(nouns), count)], "main": main, "second": second, "pattern": pattern,
        "main_rgb": _rgb(main, generator), "second_rgb": _rgb(second, generator),
        "scale": _uniform(generator, count, low=-1.0), "proportions": _uniform(generator, count, 4, low=-1.0),
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
    x = table[:, 0] + wander * _uniform(generator, n, SLOTS, low=-1.0)
    foot = table[:, 1] + torch.where(alone, 0.08, 0.03) * _uniform(generator, n, SLOTS, low=-1.0)
    size = table[:, 2] * _uniform(generator, n, SLOTS, low=0.88, high=1.10)
    facing = torch.where(_uniform(generator, n, SLOTS) < 0.5, -1.0, 1.0)
    facing = torch.where((relation == RELATIONS.index("chasing"))[:, None], 1.0, facing)
    return x, foot + size, size, facing


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
        thing = (relation == 0) & (_uniform(generator, count) < things_share)
        noun = rearrange(people.noun, "(batch slot) -> batch slot", slot=SLOTS).clone()
        noun[:, 0] = torch.where(thing, things.noun, noun[:, 0])
        who = Identity(**{
            f.name: getattr(people, f.name).unflatten(0, (count, SLOTS)) for f in fields(people) if f.name != "noun"
        }, noun=noun)  # fmt: skip
    company = torch.tensor([1, 2, 2, 2, 2, 3])[relation]
    present = torch.arange(SLOTS) < company[:, None]
    who = replace(who, noun=torch.where(present, who.noun, NOTHING))
    dressed = (_uniform(generator, count, SLOTS) < worn_share) & present & (who.noun < len(FIGURES))
    worn_colour = _choose(generator, len(COLOURS), count, SLOTS)
    return Scene(
        who=who, relation=relation, x=x, y=y, size=size, facing=facing,
        worn=torch.where(dressed, _choose(generator, len(WORN), count, SLOTS), NOTHING),
        worn_colour=worn_colour, worn_rgb=_rgb(worn_colour, generator),
        place=_choose(generator, len(PLACES), count), place_parameters=_uniform(generator, count, PARAMETERS),
        light=_uniform(generator, count, 1, low=0.86, high=1.06) * _uniform(generator, count, 3, low=0.97, high=1.03),
    )  # fmt: skip


def _grid(size: int, device: torch.device) -> tuple[Tensor, Tensor]:
    steps = (torch.arange(size, device=device) + 0.5) / size * 2 - 1
    return steps[None, None, :], -steps[None, :, None]


def _draw(noun: int, pen: Pen, who: Identity, worn: Tensor, worn_rgb: Tensor) -> Tensor:
    """Paint one noun's figures and their worn things. Return the worn things' coverage of each pixel."""
    if noun >= len(FIGURES):
        name = NOUNS[noun]
        WORN[name](pen, WORN_ALONE[name], who.main_rgb)
        return torch.zeros_like(pen.alpha)
    colours = torch.tensor(list(COLOURS.values()), device=pen.x.device)
    skin = Skin(
        main=who.main_rgb, second=who.second_rgb, pattern=who.pattern, scale=who.scale, proportions=who.proportions,
        **{part: colours[getattr(who, part)] for part in PARTS},
    )  # fmt: skip
    anchors = FIGURES[NOUNS[noun]](pen, skin)
    covered = torch.zeros_like(pen.alpha)
    for kind, dress in enumerate(WORN.values()):
        rows = (worn == kind).nonzero()[:, 0]
        if len(rows):
            layer = Pen(pen.x[rows], pen.y[rows], pen.pixel[rows].flatten())
            dress(layer, _rows(anchors, rows), worn_rgb[rows])
            pen.rgb[rows] = pen.rgb[rows] * (1 - layer.alpha[:, None]) + layer.rgb
            pen.alpha[rows] = pen.alpha[rows] * (1 - layer.alpha) + layer.alpha
            covered[rows] = layer.alpha
    return covered


def _rows(anchors: figures.Anchors, rows: Tensor) -> figures.Anchors:
    values = {f.name: getattr(anchors, f.name) for f in fields(anchors)}
    return figures.Anchors(**{k: v[rows] if isinstance(v, Tensor) else v for k, v in values.items()})


def _figures(
    who: Identity, worn: Tensor, worn_rgb: Tensor, x: Tensor, y: Tensor, size: Tensor, facing: Tensor, *, pixels: int
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Paint a batch of figures at their positions. Return premultiplied rgb, alpha, worn alpha and shadow."""
    count, device = len(who.noun), who.noun.device
    grid_x, grid_y = _grid(pixels, device)
    rgb, alpha, covered, dark = (torch.zeros(count, c, pixels, pixels, device=device) for c in (3, 1, 1, 1))
    for noun in who.noun.unique().tolist():
        if noun == NOTHING:
            continue
        rows = (who.noun == noun).nonzero()[:, 0]
        scale = size[rows, None, None]
        local_x = (grid_x - x[rows, None, None]) / scale * facing[rows, None, None]
        local_y = (grid_y - y[rows, None, None]) / scale
        pen = Pen(local_x.expand(-1, pixels, -1), local_y.expand(-1, -1, pixels), 2 / pixels / size[rows])
        covered[rows, 0] = _draw(noun, pen, who[rows], worn[rows], worn_rgb[rows])
        rgb[rows], alpha[rows, 0], dark[rows, 0] = pen.rgb, pen.alpha, figures.shadow(pen)
    return rgb, alpha, covered, dark


@torch.no_grad()
def render(scene: Scene, pixels: int = PIXELS) -> Rendered:
    """Render the scenes at `pixels` on a side. The subject (slot 0) is painted last, in front."""
    grid_x, grid_y = (g.expand(1, pixels, pixels) for g in _grid(pixels, scene.place.device))
    images = torch.empty(len(scene), 3, pixels, pixels, device=scene.place.device)
    for index, paint in enumerate(PLACES.values()):
        rows = (scene.place == index).nonzero()[:, 0]
        if len(rows):
            images[rows] = paint(
                grid_x.expand(len(rows), -1, -1), grid_y.expand(len(rows), -1, -1), scene.place_parameters[rows]
            )
    subjects, worn = (torch.zeros(len(scene), SLOTS, pixels, pixels, device=images.device) for _ in range(2))
    everyone = (scene.who.noun != NOTHING).nonzero()
    row, slot = everyone.T
    where = (scene.x[row, slot], scene.y[row, slot], scene.size[row, slot], scene.facing[row, slot])
    dress = (scene.worn[row, slot], scene.worn_rgb[row, slot])
    painted = _figures(scene.who[row, slot], *dress, *where, pixels=pixels)
    for slot in reversed(range(SLOTS)):
        these = everyone[:, 1] == slot
        rows = everyone[these, 0]
        rgb, alpha, covered, dark = (layer[these] for layer in painted)
        images[rows] = images[rows] * (1 - dark * (1 - alpha)) * (1 - alpha) + rgb
        subjects[rows] *= 1 - alpha
        worn[rows] *= 1 - alpha
        subjects[rows, slot], worn[rows, slot] = (alpha - covered).clamp_min(0)[:, 0], covered[:, 0]
    return Rendered(images=(images * scene.light[:, :, None, None]).clamp(0, 1), subjects=subjects, worn=worn)


@torch.no_grad()
def render_cutouts(
    who: Identity, generator: torch.Generator, pixels: int = SEEN, margin: float = 0.05
) -> Float[Tensor, "batch 3 height width"]:
    """Render each subject alone on white, filling the square except a margin, like a reference's cut-out."""
    n, device = len(who.noun), who.noun.device
    naked = torch.full((n,), NOTHING, device=device)
    colour = torch.zeros(n, 3, device=device)
    facing = torch.where(_uniform(generator, n) < 0.5, -1.0, 1.0).to(device)
    centre, size = torch.zeros(n, device=device), torch.full((n,), 0.5, device=device)
    _, alpha, _, _ = _figures(who, naked, colour, centre, centre, size, facing, pixels=48)
    x, y, half = _boxes(alpha[:, 0])
    jitter = _uniform(generator, 3, n, low=-1.0).to(device) * 0.02
    zoom = (1 - 2 * margin) / half.clamp_min(0.05) * (1 + jitter[2])
    placed = (-x * zoom + jitter[0], -y * zoom + jitter[1], size * zoom)
    rgb, alpha, _, _ = _figures(who, naked, colour, *placed, facing, pixels=pixels)
    light = _uniform(generator, n, 1, 1, 1, low=0.86, high=1.06).to(device)
    return (rgb * light + (1 - alpha)).clamp(0, 1)


def _boxes(alpha: Float[Tensor, "batch height width"]) -> tuple[Tensor, Tensor, Tensor]:
    """Return the centre and half side of the square around the visible pixels, in coordinates of -1..1."""
    pixels = alpha.shape[-1]
    steps = ((torch.arange(pixels, device=alpha.device) + 0.5) / pixels * 2 - 1)[None]
    columns, rows = (alpha > 0.5).any(1), (alpha > 0.5).any(2)
    left, right = (
        steps.masked_fill(~columns, s).amin(1) if s > 0 else steps.masked_fill(~columns, s).amax(1) for s in (9.0, -9.0)
    )
    top, bottom = (
        steps.masked_fill(~rows, s).amin(1) if s > 0 else steps.masked_fill(~rows, s).amax(1) for s in (9.0, -9.0)
    )
    half = torch.maximum(right - left, bottom - top) / 2 + 1 / pixels
    return (left + right) / 2, -(top + bottom) / 2, half
