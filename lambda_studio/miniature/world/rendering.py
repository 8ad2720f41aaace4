"""Render scenes and cut-outs of the miniature's world, batched and on any device."""

from dataclasses import dataclass, fields

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from lambda_studio.miniature.world import figures
from lambda_studio.miniature.world.figures import FIGURES, WORN, WORN_ALONE, Skin
from lambda_studio.miniature.world.identities import COLOURS, NOTHING, NOUNS, PARTS, SLOTS, Identity
from lambda_studio.miniature.world.places import PLACES
from lambda_studio.miniature.world.scenes import Scene
from lambda_studio.miniature.world.seeding import uniform
from lambda_studio.miniature.world.shapes import Pen

PIXELS = 128
"""The side of a rendered picture in pixels, and of those that the miniature draws."""
SEEN = 64
"""The side at which the miniature's CLIP and its oracle see a picture."""


@dataclass(frozen=True, kw_only=True)
class Rendered:
    """Pictures in 0..1, and the visible pixels of each slot's subject and of its worn thing."""

    images: Float[Tensor, "batch 3 height width"]
    subjects: Float[Tensor, "batch slot height width"]
    worn: Float[Tensor, "batch slot height width"]


def seen(images: Float[Tensor, "batch channel height width"]) -> Float[Tensor, "batch channel seen seen"]:
    """Shrink pictures to the side at which CLIP and the oracle see them: each pixel is the mean of those it covers."""
    return F.adaptive_avg_pool2d(images, SEEN)


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
    facing = torch.where(uniform(generator, n) < 0.5, -1.0, 1.0).to(device)
    centre, size = torch.zeros(n, device=device), torch.full((n,), 0.5, device=device)
    _, alpha, _, _ = _figures(who, naked, colour, centre, centre, size, facing, pixels=48)
    x, y, half = _boxes(alpha[:, 0])
    jitter = uniform(generator, 3, n, low=-1.0).to(device) * 0.02
    zoom = (1 - 2 * margin) / half.clamp_min(0.05) * (1 + jitter[2])
    placed = (-x * zoom + jitter[0], -y * zoom + jitter[1], size * zoom)
    rgb, alpha, _, _ = _figures(who, naked, colour, *placed, facing, pixels=pixels)
    light = uniform(generator, n, 1, 1, 1, low=0.86, high=1.06).to(device)
    return (rgb * light + (1 - alpha)).clamp(0, 1)


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


def _grid(size: int, device: torch.device) -> tuple[Tensor, Tensor]:
    steps = (torch.arange(size, device=device) + 0.5) / size * 2 - 1
    return steps[None, None, :], -steps[None, :, None]


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
