"""Paint the places (backgrounds) of the miniature's world, each from a few parameters in 0..1."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from lambda_studio.miniature.world.shapes import hash_noise

Rgb = Float[Tensor, "batch 3 height width"]
Grid = Float[Tensor, "batch height width"]


def _paint(low: tuple, high: tuple, choice: Tensor) -> Float[Tensor, "batch 3 1 1"]:
    """Return a colour between two, chosen per picture."""
    a, b = torch.tensor(low, device=choice.device), torch.tensor(high, device=choice.device)
    return (a + (b - a) * choice[:, None])[:, :, None, None]


def _blend(below: Tensor, above: Tensor, weight: Grid) -> Rgb:
    return below * (1 - weight[:, None]) + above * weight[:, None]


def _edge(distance: Grid) -> Grid:
    """Return 1 where the distance is negative, with a soft edge of about one pixel at 64 pixels."""
    return torch.sigmoid(-distance * 90)


def _disc(x: Grid, y: Grid, cx: Tensor, cy: Tensor, radius: float) -> Grid:
    return _edge(torch.hypot(x - cx[:, None, None], y - cy[:, None, None]) - radius)


def _sky(y: Grid, top: Tensor, bottom: Tensor) -> Rgb:
    return _blend(bottom, top, ((y + 0.1) / 1.1).clamp(0, 1))


def beach(x: Grid, y: Grid, p: Tensor) -> Rgb:
    sky = _sky(
        y, _paint((0.35, 0.68, 0.98), (0.45, 0.80, 1.0), p[:, 0]), _paint((0.80, 0.93, 1.0), (0.95, 0.95, 0.9), p[:, 1])
    )
    sky = _blend(
        sky,
        _paint((1.0, 0.88, 0.45), (1.0, 0.95, 0.7), p[:, 2]),
        _disc(x, y, p[:, 3] * 1.6 - 0.8, 0.6 + 0.3 * p[:, 4], 0.14),
    )
    horizon = 0.05 + 0.12 * p[:, 5, None, None]
    sea = _paint((0.08, 0.42, 0.72), (0.12, 0.58, 0.75), p[:, 6]) * (1 + 0.10 * torch.sin(y * 60 + 3 * x))[:, None]
    shore = horizon - 0.34 + 0.03 * torch.sin(5 * x + 6.3 * p[:, 7, None, None])
    sand = (
        _paint((0.90, 0.80, 0.56), (0.96, 0.88, 0.68), p[:, 1])
        * (0.97 + 0.05 * hash_noise((x * 32).round(), (y * 32).round(), p[:, 0]))[:, None]
    )
    picture = _blend(sky, sea, _edge(y - horizon))
    picture = _blend(picture, torch.ones_like(sand), _edge(y - shore - 0.035))
    return _blend(picture, sand, _edge(y - shore))


def meadow(x: Grid, y: Grid, p: Tensor) -> Rgb:
    sky = _sky(
        y, _paint((0.45, 0.72, 1.0), (0.55, 0.80, 1.0), p[:, 0]), _paint((0.85, 0.95, 1.0), (1.0, 0.95, 0.88), p[:, 1])
    )
    for i in range(2):
        cx, cy = p[:, 2 + i] * 1.8 - 0.9, 0.55 + 0.3 * p[:, 4 + i]
        for dx, r in ((-0.16, 0.09), (0.0, 0.13), (0.16, 0.09)):
            sky = _blend(sky, torch.ones_like(sky), 0.9 * _disc(x, y, cx + dx, cy, r))
    hill = 0.05 + 0.12 * torch.sin(2.2 * x + 6.3 * p[:, 6, None, None])
    grass = _paint((0.30, 0.66, 0.24), (0.45, 0.75, 0.28), p[:, 7]) * (1.05 + 0.15 * y)[:, None]
    cell_x, cell_y = (x * 9).floor(), (y * 9).floor()
    fx, fy = x * 9 - cell_x - 0.5, y * 9 - cell_y - 0.5
    bloom = _edge((torch.hypot(fx, fy) - 0.22) / 9) * (hash_noise(cell_x, cell_y, p[:, 0]) > 0.72)
    petals = _paint((1.0, 0.92, 0.35), (1.0, 0.98, 0.95), p[:, 5])
    return _blend(sky, _blend(grass, petals, bloom), _edge(y - hill))


def snow(x: Grid, y: Grid, p: Tensor) -> Rgb:
    sky = _sky(
        y,
        _paint((0.60, 0.68, 0.86), (0.68, 0.76, 0.90), p[:, 0]),
        _paint((0.82, 0.87, 0.95), (0.90, 0.90, 0.96), p[:, 1]),
    )
    far = 0.32 + 0.30 * (1 - (2.5 * (x - p[:, 2, None, None] + 0.5)).abs()).clamp_min(-0.6)
    sky = _blend(sky, _paint((0.72, 0.78, 0.90), (0.78, 0.82, 0.94), p[:, 3]), _edge(y - far))
    ground = _paint((0.92, 0.95, 0.99), (0.98, 0.98, 1.0), p[:, 4]) * (1.0 + 0.03 * torch.sin(4 * x + 9 * y))[:, None]
    picture = _blend(sky, ground, _edge(y - 0.06 * torch.sin(2.6 * x + 6.3 * p[:, 5, None, None])))
    cell_x, cell_y = (x * 7).floor(), (y * 7).floor()
    dx = hash_noise(cell_x, cell_y, p[:, 6]) * 0.6 + 0.2
    dy = hash_noise(cell_y, cell_x, p[:, 7]) * 0.6 + 0.2
    flake = _edge((torch.hypot(x * 7 - cell_x - dx, y * 7 - cell_y - dy) - 0.13) / 7)
    return _blend(picture, torch.ones_like(picture), flake)


def city(x: Grid, y: Grid, p: Tensor) -> Rgb:
    sky = _sky(
        y,
        _paint((0.55, 0.60, 0.78), (0.70, 0.66, 0.78), p[:, 0]),
        _paint((0.95, 0.80, 0.70), (0.90, 0.88, 0.86), p[:, 1]),
    )
    column = ((x + p[:, 2, None, None]) * 2.6).floor()
    inside = (x + p[:, 2, None, None]) * 2.6 - column
    height = 0.15 + 0.65 * hash_noise(column, column * 0 + 3, p[:, 3])
    tone = hash_noise(column, column * 0 + 7, p[:, 4])
    tower = _blend(
        _paint((0.35, 0.33, 0.42), (0.42, 0.38, 0.42), p[:, 5]).expand_as(sky),
        _paint((0.52, 0.50, 0.60), (0.60, 0.52, 0.50), p[:, 6]).expand_as(sky),
        tone,
    )
    window = ((inside * 4 % 1) > 0.45) & ((y * 9 % 1) > 0.5) & (inside > 0.12) & (inside < 0.88)
    lit = window * (hash_noise((inside * 4).floor() + column * 4, (y * 9).floor(), p[:, 7]) > 0.4)
    tower = _blend(tower, torch.tensor((1.0, 0.90, 0.55), device=x.device)[:, None, None], 0.85 * lit)
    body = _edge(y - height) * _edge((inside - 0.5).abs() - 0.46)
    street = _paint((0.36, 0.37, 0.40), (0.46, 0.46, 0.48), p[:, 1]).expand_as(sky)
    stripe = ((x * 3 + p[:, 0, None, None]) % 1 < 0.55) * _edge((y + 0.62).abs() - 0.03)
    return _blend(_blend(sky, tower, body), _blend(street, torch.ones_like(street), 0.8 * stripe), _edge(y + 0.02))


def desert(x: Grid, y: Grid, p: Tensor) -> Rgb:
    sky = _sky(
        y, _paint((0.98, 0.62, 0.34), (1.0, 0.74, 0.42), p[:, 0]), _paint((1.0, 0.88, 0.62), (1.0, 0.92, 0.74), p[:, 1])
    )
    sky = _blend(
        sky,
        _paint((1.0, 0.35, 0.20), (1.0, 0.5, 0.25), p[:, 2]),
        _disc(x, y, p[:, 3] * 1.6 - 0.8, 0.55 + 0.3 * p[:, 4], 0.17),
    )
    far = 0.14 + 0.12 * torch.sin(2.4 * x + 6.3 * p[:, 5, None, None])
    near = -0.10 + 0.10 * torch.sin(1.7 * x + 6.3 * p[:, 6, None, None] + 2)
    picture = _blend(sky, _paint((0.80, 0.50, 0.26), (0.86, 0.58, 0.32), p[:, 7]), _edge(y - far))
    dune = (
        _paint((0.90, 0.64, 0.36), (0.94, 0.70, 0.44), p[:, 7])
        * (1 + 0.05 * torch.sin(26 * (y - near) + 3 * x))[:, None]
    )
    return _blend(picture, dune, _edge(y - near))


def forest(x: Grid, y: Grid, p: Tensor) -> Rgb:
    sky = _sky(
        y,
        _paint((0.50, 0.74, 0.62), (0.60, 0.80, 0.72), p[:, 0]),
        _paint((0.78, 0.90, 0.76), (0.85, 0.92, 0.80), p[:, 1]),
    )
    column = ((x + p[:, 2, None, None]) * 2.4).floor()
    middle = (x + p[:, 2, None, None]) * 2.4 - column - 0.5
    top = 0.45 + 0.5 * hash_noise(column, column * 0 + 1, p[:, 3])
    trunk = _edge(middle.abs() / 2.4 - 0.035) * _edge(y - top + 0.4)
    picture = _blend(sky, _paint((0.36, 0.24, 0.16), (0.42, 0.30, 0.20), p[:, 4]), trunk)
    crown = (top - y) * 0.42
    needles = _paint((0.07, 0.30, 0.18), (0.12, 0.38, 0.20), p[:, 5]) * (1 + 0.25 * torch.sin(24 * y))[:, None]
    picture = _blend(picture, needles, _edge(middle.abs() / 2.4 - crown * 0.75) * _edge(-(y - 0.02)) * _edge(y - top))
    floor = (
        _paint((0.24, 0.34, 0.16), (0.34, 0.40, 0.18), p[:, 6])
        * (0.9 + 0.2 * hash_noise((x * 12).floor(), (y * 16).floor(), p[:, 7]))[:, None]
    )
    return _blend(picture, floor, _edge(y - 0.02))


def room(x: Grid, y: Grid, p: Tensor) -> Rgb:
    wall = _paint((0.88, 0.80, 0.72), (0.78, 0.82, 0.86), p[:, 0]).expand(-1, -1, *x.shape[1:])
    wall = wall * (1 - 0.07 * ((x * 5 + p[:, 1, None, None]) % 1 < 0.5))[:, None]
    side = torch.where(p[:, 2] > 0.5, 0.55, -0.55)[:, None, None]
    frame = torch.maximum((x - side).abs() - 0.30, (y - 0.55).abs() - 0.30)
    glass = torch.maximum((x - side).abs() - 0.25, (y - 0.55).abs() - 0.25)
    bars = torch.minimum((x - side).abs(), (y - 0.55).abs()) - 0.02
    wall = _blend(wall, _paint((0.98, 0.97, 0.95), (0.55, 0.38, 0.25), p[:, 3]), _edge(frame))
    wall = _blend(wall, _paint((0.62, 0.82, 0.98), (0.75, 0.90, 1.0), p[:, 4]), _edge(torch.maximum(glass, -bars)))
    boards = 0.88 + 0.12 * ((y * 7 + 0.3) % 1 > 0.12)
    floor = _paint((0.62, 0.42, 0.26), (0.72, 0.52, 0.34), p[:, 5]) * boards[:, None]
    picture = _blend(wall, floor, _edge(y + 0.02))
    return _blend(picture, _paint((0.95, 0.93, 0.90), (0.50, 0.35, 0.24), p[:, 3]), _edge((y + 0.01).abs() - 0.035))


def moon(x: Grid, y: Grid, p: Tensor) -> Rgb:
    sky = _paint((0.02, 0.02, 0.07), (0.06, 0.03, 0.12), p[:, 0]).expand(-1, -1, *x.shape[1:])
    cell_x, cell_y = (x * 7).floor(), (y * 7).floor()
    dx, dy = hash_noise(cell_x, cell_y, p[:, 1]) * 0.6 + 0.2, hash_noise(cell_y, cell_x, p[:, 2]) * 0.6 + 0.2
    star = _edge((torch.hypot(x * 7 - cell_x - dx, y * 7 - cell_y - dy) - 0.11) / 7) * (
        hash_noise(cell_x, cell_y, p[:, 5]) > 0.35
    )
    sky = _blend(sky, torch.ones_like(sky), star)
    cx, cy = p[:, 3] * 1.5 - 0.75, 0.55 + 0.25 * p[:, 4]
    sky = _blend(sky, _paint((0.20, 0.45, 0.90), (0.30, 0.60, 0.90), p[:, 5]), _disc(x, y, cx, cy, 0.20))
    sky = _blend(sky, _paint((0.30, 0.65, 0.35), (0.50, 0.70, 0.40), p[:, 6]), _disc(x, y, cx - 0.05, cy + 0.04, 0.09))
    ground = _paint((0.55, 0.55, 0.58), (0.68, 0.67, 0.68), p[:, 6]).expand_as(sky)
    for i in range(4):
        kx, ky = ((p[:, i] * 7.3) % 1) * 2 - 1, -0.25 - 0.65 * ((p[:, i + 3] * 5.1) % 1)
        crater = torch.hypot(x - kx[:, None, None], (y - ky[:, None, None]) * 2.4) - 0.17
        ground = _blend(ground, ground * 0.72, _edge(crater))
    return _blend(sky, ground, _edge(y - 0.04 - 0.04 * torch.cos(2 * x + p[:, 7, None, None])))


PLACES: dict[str, Callable[[Grid, Grid, Tensor], Rgb]] = {
    "beach": beach, "meadow": meadow, "snow": snow, "city": city,
    "desert": desert, "forest": forest, "room": room, "moon": moon,
}  # fmt: skip
PARAMETERS = 8
"""The number of parameters in 0..1 of each place."""
