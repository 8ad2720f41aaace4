"""Paint signed distance functions on a layer, to draw the miniature's world.

Coordinates are a figure's own: x to the right, y up, the ground at y = -1, a typical figure's top at y = 1.
Distances are negative inside. Everything is batched: one figure per batch row, `batch height width`.
"""

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

Field = Float[Tensor, "batch height width"]
OUTLINE = 0.045
"""The width of a part's darker edge, in figure units."""


def column(value: Tensor | float) -> Tensor | float:
    """Reshape a per-figure number to broadcast with `batch height width`."""
    return value[:, None, None] if isinstance(value, Tensor) else value


class Pen:
    """The coordinate grids of a batch of figures, and their layer of paint.

    `rgb` is premultiplied by `alpha`: `batch 3 height width` and `batch height width`, both in 0..1.
    """

    def __init__(self, x: Field, y: Field, pixel: Float[Tensor, " batch"]):
        self.x, self.y, self.pixel = x, y, pixel[:, None, None]
        self.rgb = torch.zeros(len(x), 3, *x.shape[1:], device=x.device)
        self.alpha = torch.zeros_like(x)

    def each(self, value: Tensor | float) -> Float[Tensor, " batch"]:
        """Expand a number to one for each figure."""
        return torch.as_tensor(value, dtype=self.x.dtype, device=self.x.device).expand(len(self.x))

    def circle(self, x: Tensor | float, y: Tensor | float, radius: Tensor | float) -> Field:
        return torch.hypot(self.x - column(x), self.y - column(y)) - column(radius)

    def ellipse(self, x: Tensor | float, y: Tensor | float, rx: Tensor | float, ry: Tensor | float) -> Field:
        """Return the first-order distance to an ellipse, which is exact enough for an edge of one pixel."""
        dx, dy, rx, ry = self.x - column(x), self.y - column(y), column(rx), column(ry)
        inner, gradient = torch.hypot(dx / rx, dy / ry), torch.hypot(dx / rx**2, dy / ry**2)
        return inner * (inner - 1) / gradient.clamp_min(1e-3)

    def box(
        self, x: Tensor | float, y: Tensor | float, rx: Tensor | float, ry: Tensor | float, corner: float = 0.05
    ) -> Field:
        dx = (self.x - column(x)).abs() - column(rx) + corner
        dy = (self.y - column(y)).abs() - column(ry) + corner
        outside = torch.hypot(dx.clamp_min(0), dy.clamp_min(0))
        return outside + torch.maximum(dx, dy).clamp_max(0) - corner

    def line(self, start: Sequence[Tensor | float], end: Sequence[Tensor | float], radius: Tensor | float) -> Field:
        """Return the distance to a capsule from `start` to `end`."""
        sx, sy, ex, ey = (column(v) for v in (*start, *end))
        dx, dy, lx, ly = self.x - sx, self.y - sy, ex - sx, ey - sy
        along = ((dx * lx + dy * ly) / (lx * lx + ly * ly + 1e-6)).clamp(0, 1)
        return torch.hypot(dx - along * lx, dy - along * ly) - column(radius)

    def polygon(self, *points: Sequence[Tensor | float]) -> Field:
        """Return the distance to a convex polygon with counter-clockwise points."""
        distance = torch.full_like(self.x, -1e3)
        for (ax, ay), (bx, by) in zip(points, (*points[1:], points[0]), strict=True):
            ax, ay, bx, by = (torch.as_tensor(column(v), device=self.x.device) for v in (ax, ay, bx, by))
            nx, ny = by - ay, ax - bx
            length = torch.hypot(nx, ny).clamp_min(1e-6)
            distance = torch.maximum(distance, ((self.x - ax) * nx + (self.y - ay) * ny) / length)
        return distance

    def ring(self, x: Tensor | float, y: Tensor | float, radius: Tensor | float, width: float) -> Field:
        return self.circle(x, y, radius).abs() - width

    def coverage(self, distance: Field) -> Field:
        return (0.5 - distance / self.pixel).clamp(0, 1)

    def fill(self, distance: Field, colour: Tensor | Sequence[float], outline: float = OUTLINE) -> None:
        """Paint a shape with a darker edge of `outline` figure units around it; 0 omits the edge."""
        paint = self._as_paint(colour)
        if outline:
            self._over(self.coverage(distance - outline), paint * 0.4)
        self._over(self.coverage(distance), paint)

    def _as_paint(self, colour: Tensor | Sequence[float]) -> Tensor:
        colour = torch.as_tensor(colour, dtype=self.x.dtype, device=self.x.device)
        if colour.ndim == 4:
            return colour
        return colour.expand(len(self.x), 3)[:, :, None, None]

    def _over(self, coverage: Field, paint: Tensor) -> None:
        self.rgb = self.rgb * (1 - coverage[:, None]) + paint * coverage[:, None]
        self.alpha = self.alpha * (1 - coverage) + coverage


def mix(first: Tensor, second: Tensor, weight: Field) -> Float[Tensor, "batch 3 height width"]:
    """Blend two colours (`batch 3`) by `weight`: 0 is the first."""
    return first[:, :, None, None] * (1 - weight[:, None]) + second[:, :, None, None] * weight[:, None]


def hash_noise(x: Tensor, y: Tensor, salt: Tensor | float) -> Tensor:
    """Return a fixed pseudo-random number in 0..1 for each integer cell: a texture without state."""
    value = torch.sin(x * 127.1 + y * 311.7 + column(salt) * 74.7) * 43758.5453
    return value - value.floor()


def wave(values: Tensor, period: Tensor | float) -> Tensor:
    """Return a sine of the given period, in -1..1."""
    return torch.sin(values * (2 * math.pi) / column(period))
