"""Paint the figures of the miniature's world, one function for each noun, and the things that figures wear.

A figure function paints one kind of subject and returns the anchors for worn things. Proportions are in -1..1:
(build, head, limbs, extra); each figure interprets them itself. Two parts of each figure have colours of their own,
which no caption names: the tips and the odd part.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from lambda_studio.miniature.world.shapes import Field, Pen, mix, wave

PATTERNS = ("plain", "striped", "spotted", "checked", "two-tone")
DARK = (0.08, 0.08, 0.10)
LIGHT = (0.97, 0.97, 0.95)


@dataclass(frozen=True, kw_only=True)
class Skin:
    """The colours, patterns and proportions of a batch of figures."""

    main: Float[Tensor, "batch 3"]
    second: Float[Tensor, "batch 3"]
    tips: Float[Tensor, "batch 3"]
    odd: Float[Tensor, "batch 3"]
    pattern: Tensor
    scale: Float[Tensor, " batch"]
    proportions: Float[Tensor, "batch 4"]

    def body(self, pen: Pen, split: float = -0.5) -> Float[Tensor, "batch 3 height width"]:
        """Return the main colour with the identity's pattern in the second colour, lit from above.

        Most of every pattern is the main colour. The two-tone pattern changes colour at the height `split`.
        """
        period = 0.52 + 0.10 * self.scale
        u, v = wave(pen.x, period), wave(pen.y + 0.13, period)
        fields = (
            torch.zeros_like(u),
            torch.sigmoid(8 * (v - 0.4)),
            torch.sigmoid(11 * (u * v - 0.28)),
            torch.sigmoid(12 * (torch.maximum(u, v) - 0.72)),
            torch.sigmoid(-15 * (pen.y - split)),
        )
        weight = torch.stack(fields, 1)[torch.arange(len(u), device=u.device), self.pattern]
        light = (1.0 + 0.10 * pen.y).clamp(0.82, 1.12)
        return (mix(self.main, self.second, weight) * light[:, None]).clamp(0, 1)

    def of(self, index: int) -> Tensor:
        return self.proportions[:, index]


@dataclass(frozen=True, kw_only=True)
class Anchors:
    """The anchors for worn things in a figure's coordinates: the head's `top`, `eyes`, `neck` and half its `width`."""

    x: Tensor | float
    top: Tensor | float
    eyes: Tensor | float
    neck: Tensor | float
    width: Tensor | float


def _face(pen: Pen, x: Tensor, y: Tensor, gap: float = 0.16, size: float = 0.075) -> None:
    for side in (-1, 1):
        pen.fill(pen.circle(x + side * gap, y, size), DARK, outline=0.0)
        pen.fill(pen.circle(x + side * gap + 0.02, y + 0.03, size * 0.35), LIGHT, outline=0.0)


def dog(pen: Pen, skin: Skin) -> Anchors:
    """Paint a sitting dog with hanging ears, one of them odd. Tail and paws are tips."""
    paint, w = skin.body(pen), 0.46 + 0.08 * skin.of(0)
    head, ear = 0.42 + 0.05 * skin.of(1), 0.34 + 0.10 * skin.of(2)
    pen.fill(pen.line((w, -0.75), (w + 0.34, -0.30 + 0.15 * skin.of(3)), 0.10), skin.tips)
    pen.fill(pen.ellipse(0.0, -0.50, w, 0.50), paint)
    for side in (-1, 1):
        pen.fill(pen.ellipse(side * (w - 0.12), -0.90, 0.18, 0.12), skin.tips)
    pen.fill(pen.ellipse(0.0, 0.34, head + 0.04, head), paint)
    for side, colour in ((-1, skin.second), (1, skin.odd)):
        pen.fill(pen.ellipse(side * (head + 0.06), 0.34 - 0.5 * ear + 0.16, 0.16, ear), colour)
    pen.fill(pen.ellipse(0.0, 0.20, 0.22, 0.17), LIGHT, outline=0.0)
    pen.fill(pen.ellipse(0.0, 0.28, 0.09, 0.065), DARK, outline=0.0)
    _face(pen, torch.zeros_like(w), torch.full_like(w, 0.48))
    return Anchors(x=0.0, top=0.34 + head, eyes=0.47, neck=-0.08, width=head)


def cat(pen: Pen, skin: Skin) -> Anchors:
    """Paint a cat from the side, with a long raised tail, four legs (tips) and pointed ears (odd)."""
    paint, length = skin.body(pen), 0.62 + 0.10 * skin.of(0)
    head, leg = 0.33 + 0.04 * skin.of(1), 0.40 + 0.08 * skin.of(2)
    hx, body = -length + 0.10, -0.98 + leg + 0.30
    pen.fill(pen.line((length, body), (length + 0.24, body + 0.75 + 0.15 * skin.of(3)), 0.10), skin.second)
    for x in (-0.75, -0.40, 0.45, 0.78):
        pen.fill(pen.line((x * length, body), (x * length, torch.full_like(head, -0.90)), 0.11), skin.tips)
    pen.fill(pen.ellipse(0.0, body, length + 0.10, 0.32), paint)
    hy = body + 0.48
    for side in (-1, 1):
        tip = (hx + side * head * 0.80, hy + head * 1.45)
        points = ((hx + side * head * 0.95, hy + 0.05), tip, (hx + side * 0.04, hy + head * 0.8))
        pen.fill(pen.polygon(*(points if side > 0 else points[::-1])), skin.odd)
    pen.fill(pen.ellipse(hx, hy, head + 0.05, head), paint)
    _face(pen, hx, hy + 0.06, gap=0.15, size=0.07)
    pen.fill(pen.ellipse(hx, hy - 0.09, 0.055, 0.04), (0.95, 0.5, 0.55), outline=0.0)
    return Anchors(x=hx, top=hy + head, eyes=hy + 0.06, neck=hy - head - 0.02, width=head)


def bird(pen: Pen, skin: Skin) -> Anchors:
    """Paint a bird from the side. The wing has the second colour, the tail is tips, beak and legs are odd."""
    paint, w = skin.body(pen), 0.55 + 0.07 * skin.of(0)
    head, leg = 0.27 + 0.04 * skin.of(1), 0.40 + 0.08 * skin.of(2)
    by = -1 + leg + 0.34
    for x in (-0.10, 0.14):
        start = torch.full_like(w, x)
        pen.fill(pen.line((start, by), (start, torch.full_like(w, -0.96)), 0.05), skin.odd, outline=0.03)
    tail = 0.45 + 0.12 * skin.of(3)
    pen.fill(pen.polygon((w * 0.5, by - 0.12), (w + tail, by + 0.10), (w * 0.6, by + 0.26)), skin.tips)
    pen.fill(pen.ellipse(0.0, by, w, 0.40), paint)
    hx, hy = -w + 0.06, by + 0.50
    pen.fill(pen.polygon((hx - head - 0.30, hy - 0.04), (hx - 0.1, hy - 0.20), (hx - 0.1, hy + 0.16)), skin.odd)
    pen.fill(pen.circle(hx, hy, head), paint)
    pen.fill(pen.ellipse(0.12, by + 0.02, w * 0.52, 0.24), skin.second)
    pen.fill(pen.circle(hx - 0.07, hy + 0.06, 0.065), DARK, outline=0.0)
    return Anchors(x=hx, top=hy + head, eyes=hy + 0.06, neck=hy - head + 0.04, width=head)


def bear(pen: Pen, skin: Skin) -> Anchors:
    """Paint the stuffed animal: a sitting bear. One foot is tips, the other is odd."""
    paint, w = skin.body(pen), 0.46 + 0.06 * skin.of(0)
    head, limb = 0.44 + 0.05 * skin.of(1), 0.20 + 0.03 * skin.of(2)
    for side in (-1, 1):
        pen.fill(
            pen.line((side * w * 0.8, -0.25), (side * (w + 0.27), -0.48 + 0.25 * skin.of(3)), limb * 0.75), skin.main
        )
        pen.fill(pen.circle(side * head * 0.82, 0.38 + head * 0.80, 0.19), skin.second)
    pen.fill(pen.ellipse(0.0, -0.45, w, 0.46), paint)
    for side, colour in ((-1, skin.tips), (1, skin.odd)):
        pen.fill(pen.circle(side * (w + 0.02), -0.76, limb + 0.03), colour)
    pen.fill(pen.ellipse(0.0, 0.38, head + 0.05, head), paint)
    pen.fill(pen.ellipse(0.0, 0.24, 0.20, 0.15), skin.second, outline=0.02)
    pen.fill(pen.ellipse(0.0, 0.29, 0.08, 0.055), DARK, outline=0.0)
    _face(pen, torch.zeros_like(w), torch.full_like(w, 0.50), gap=0.17, size=0.06)
    return Anchors(x=0.0, top=0.38 + head, eyes=0.50, neck=-0.08, width=head)


def robot(pen: Pen, skin: Skin) -> Anchors:
    """Paint a robot: a box on legs (tips and odd) with a square head, an antenna and arms."""
    paint, w = skin.body(pen), 0.42 + 0.07 * skin.of(0)
    head, leg = 0.33 + 0.05 * skin.of(1), 0.30 + 0.06 * skin.of(2)
    body = -1 + leg + 0.42
    for side, colour in ((-1, skin.tips), (1, skin.odd)):
        pen.fill(pen.box(side * w * 0.52, -1 + leg / 2, 0.16, leg / 2 + 0.02), colour)
        hand = body - 0.20 + 0.45 * skin.of(3) * side
        pen.fill(pen.line((side * (w + 0.05), body + 0.22), (side * (w + 0.32), hand), 0.095), skin.second)
    pen.fill(pen.box(0.0, body, w, 0.44), paint)
    hy = body + 0.44 + 0.06 + 0.26
    pen.fill(pen.line((0.0, hy + 0.2), (0.0, hy + 0.42), 0.03), skin.second)
    pen.fill(pen.circle(0.0, hy + 0.44, 0.075), skin.second)
    pen.fill(pen.box(0.0, hy, head + 0.06, 0.27, 0.08), skin.main)
    for side in (-1, 1):
        pen.fill(pen.circle(side * 0.16, hy + 0.04, 0.10), LIGHT, outline=0.02)
        pen.fill(pen.circle(side * 0.16, hy + 0.04, 0.05), DARK, outline=0.0)
    pen.fill(pen.box(0.0, hy - 0.16, 0.16, 0.03, 0.02), DARK, outline=0.0)
    return Anchors(x=0.0, top=hy + 0.27, eyes=hy + 0.04, neck=body + 0.44, width=head + 0.02)


def car(pen: Pen, skin: Skin) -> Anchors:
    """Paint a car from the side: a body, a cabin with windows, two wheels (tips and odd)."""
    paint, w = skin.body(pen, split=-0.68), 0.95 + 0.10 * skin.of(0)
    cabin, wheel, lift = 0.52 + 0.10 * skin.of(1), 0.24 + 0.04 * skin.of(2), 0.10 * skin.of(3)
    body = -0.55 + 0.3 * (wheel - 0.2)
    pen.fill(pen.box(lift, body + 0.50, cabin, 0.32, 0.20), skin.second)
    for side in (-1, 1):
        pen.fill(
            pen.box(lift + side * cabin * 0.45, body + 0.52, cabin * 0.34, 0.18, 0.08), (0.78, 0.92, 0.98), outline=0.02
        )
    pen.fill(pen.box(0.0, body, w, 0.30, 0.14), paint)
    pen.fill(pen.circle(-w + 0.08, body + 0.08, 0.075), (1.0, 0.95, 0.6), outline=0.02)
    for side, colour in ((-1, skin.tips), (1, skin.odd)):
        pen.fill(pen.circle(side * w * 0.58, -1 + wheel, wheel), DARK, outline=0.0)
        pen.fill(pen.circle(side * w * 0.58, -1 + wheel, wheel * 0.72), colour, outline=0.0)
    return Anchors(x=lift, top=body + 0.82, eyes=body + 0.52, neck=body + 0.26, width=cabin * 0.8)


def boat(pen: Pen, skin: Skin) -> Anchors:
    """Paint a boat with two sails, the smaller one in the second colour. A flag is tips, the rail odd."""
    paint, w = skin.body(pen, split=-0.78), 0.85 + 0.12 * skin.of(0)
    mast, sail, deep = 1.35 + 0.15 * skin.of(1), 0.62 + 0.14 * skin.of(2), 0.42 + 0.08 * skin.of(3)
    top = -0.95 + deep
    pen.fill(pen.line((0.0, top), (0.0, top + mast), 0.045), (0.45, 0.30, 0.18))
    pen.fill(pen.polygon((0.09, top + 0.12), (0.09 + sail, top + 0.12), (0.09, top + mast - 0.05)), skin.main)
    pen.fill(
        pen.polygon((-0.09, top + 0.12), (-0.09, top + mast * 0.75), (-0.09 - sail * 0.7, top + 0.12)), skin.second
    )
    pen.fill(pen.polygon((-w, top), (-w * 0.66, top - deep), (w * 0.66, top - deep), (w, top)), paint)
    flag = top + mast
    pen.fill(pen.polygon((0.02, flag - 0.20), (0.46, flag - 0.03), (0.02, flag + 0.14)), skin.tips)
    pen.fill(pen.box(0.0, top - 0.04, w + 0.04, 0.085), skin.odd)
    return Anchors(x=0.0, top=top + mast - 0.02, eyes=top + 0.40, neck=top + 0.02, width=0.30)


def teapot(pen: Pen, skin: Skin) -> Anchors:
    """Paint a teapot: a round pot with a handle, a spout (tips), and a lid with a knob (odd)."""
    paint, w = skin.body(pen, split=-0.62), 0.56 + 0.07 * skin.of(0)
    h, spout, handle = 0.52 + 0.06 * skin.of(1), 0.40 + 0.08 * skin.of(2), 0.27 + 0.05 * skin.of(3)
    cy = -0.95 + h
    pen.fill(pen.ring(w + 0.08, cy + 0.06, handle, 0.085), skin.second)
    pen.fill(pen.line((-w * 0.8, cy - 0.1), (-w - spout, cy + 0.42), 0.115), skin.tips)
    pen.fill(pen.ellipse(0.0, cy, w + 0.06, h), paint)
    pen.fill(pen.ellipse(0.0, cy + h * 0.88, w * 0.62, 0.14), skin.odd)
    pen.fill(pen.circle(0.0, cy + h + 0.17, 0.12), skin.odd)
    return Anchors(x=0.0, top=cy + h + 0.18, eyes=cy + 0.20, neck=cy + h * 0.55, width=w * 0.62)


def mug(pen: Pen, skin: Skin) -> Anchors:
    """Paint a mug: a straight cup with one handle, a rim (tips) and a foot (odd), open at the top."""
    paint, w = skin.body(pen, split=-0.58), 0.52 + 0.10 * skin.of(0)
    h, handle = 0.58 + 0.10 * skin.of(1), 0.26 + 0.05 * skin.of(2)
    cy = -0.95 + h
    pen.fill(pen.ring(w + 0.05, cy, handle, 0.10), skin.second)
    pen.fill(pen.box(0.0, cy, w, h, 0.10), paint)
    pen.fill(pen.box(0.0, cy - h + 0.10, w, 0.11, 0.10), skin.odd)
    pen.fill(pen.ellipse(0.0, cy + h - 0.03, w, 0.17), skin.tips)
    pen.fill(pen.ellipse(0.0, cy + h - 0.03, w * 0.76, 0.07), (0.22, 0.13, 0.09), outline=0.0)
    return Anchors(x=0.0, top=cy + h, eyes=cy + 0.20, neck=cy + h * 0.55, width=w * 0.8)


def vase(pen: Pen, skin: Skin) -> Anchors:
    """Paint a vase with a round belly, a foot, a narrow neck (tips) and a wider rim (odd)."""
    paint, w = skin.body(pen, split=-0.62), 0.48 + 0.08 * skin.of(0)
    neck, tall = 0.17 + 0.04 * skin.of(1), 0.62 + 0.12 * skin.of(2)
    belly = -0.95 + w + 0.02
    pen.fill(pen.box(0.0, belly + w * 0.6 + tall * 0.4, neck, tall * 0.55), skin.tips)
    pen.fill(pen.ellipse(0.0, belly, w, w * 0.95), paint)
    pen.fill(pen.box(0.0, -0.87, w * 0.72, 0.12), skin.second)
    rim = belly + w * 0.6 + tall * 0.92
    pen.fill(pen.ellipse(0.0, rim, neck + 0.15 + 0.05 * skin.of(3), 0.12), skin.odd)
    return Anchors(x=0.0, top=rim + 0.08, eyes=belly + 0.25, neck=belly + w * 0.86, width=0.32)


def clock(pen: Pen, skin: Skin) -> Anchors:
    """Paint an alarm clock: a round face with hands, two bells (one is odd) and two feet (tips)."""
    paint, r = skin.body(pen), 0.66 + 0.06 * skin.of(0)
    bell, face = 0.20 + 0.04 * skin.of(1), 0.66 + 0.06 * skin.of(2)
    cy = -0.88 + r
    for side, colour in ((-1, skin.second), (1, skin.odd)):
        pen.fill(
            pen.line((side * r * 0.5, cy - r * 0.6), (side * r * 0.80, torch.full_like(r, -0.95)), 0.11), skin.tips
        )
        pen.fill(pen.ellipse(side * r * 0.60, cy + r * 0.93, bell * 1.25, bell), colour)
    pen.fill(pen.circle(0.0, cy, r), paint)
    pen.fill(pen.circle(0.0, cy, r * face), LIGHT, outline=0.02)
    hour = 1.2 * skin.of(3)
    pen.fill(
        pen.line((0.0, cy), (r * 0.32 * torch.sin(hour), cy + r * 0.32 * torch.cos(hour)), 0.05), DARK, outline=0.0
    )
    pen.fill(
        pen.line((0.0, cy), (-r * 0.45 * torch.cos(hour), cy + r * 0.45 * torch.sin(hour)), 0.04), DARK, outline=0.0
    )
    return Anchors(x=0.0, top=cy + r, eyes=cy + 0.12, neck=cy - r * 0.55, width=r * 0.55)


def backpack(pen: Pen, skin: Skin) -> Anchors:
    """Paint a backpack: a rounded bag with a loop, straps at the sides (one is odd), and a pocket (tips)."""
    paint, w = skin.body(pen), 0.54 + 0.08 * skin.of(0)
    h, pocket = 0.72 + 0.08 * skin.of(1), 0.62 + 0.10 * skin.of(2)
    cy = -0.95 + h
    pen.fill(pen.ring(0.0, cy + h, 0.15, 0.05), skin.second)
    for side, colour in ((-1, skin.second), (1, skin.odd)):
        pen.fill(pen.box(side * (w + 0.06), cy - 0.15, 0.16, 0.36 + 0.08 * skin.of(3), 0.10), colour)
    pen.fill(pen.box(0.0, cy, w, h, 0.30), paint)
    pen.fill(pen.box(0.0, cy - h * 0.42, w * pocket, h * 0.36, 0.10), skin.tips)
    pen.fill(pen.line((-w * 0.6, cy + h * 0.35), (w * 0.6, cy + h * 0.35), 0.025), DARK, outline=0.0)
    return Anchors(x=0.0, top=cy + h - 0.02, eyes=cy + 0.30, neck=cy + h * 0.40, width=w * 0.75)


FIGURES: dict[str, Callable[[Pen, Skin], Anchors]] = {
    "dog": dog, "cat": cat, "bird": bird, "stuffed animal": bear, "robot": robot, "car": car,
    "boat": boat, "teapot": teapot, "mug": mug, "vase": vase, "clock": clock, "backpack": backpack,
}  # fmt: skip


def hat(pen: Pen, at: Anchors, colour: Tensor) -> None:
    w, y = pen.each(at.width), at.top - 0.06
    pen.fill(pen.box(at.x, y + 0.34, w * 0.72, 0.30, 0.05), colour)
    pen.fill(pen.box(at.x, y + 0.14, w * 0.72, 0.07, 0.02), colour * 0.45, outline=0.0)
    pen.fill(pen.box(at.x, y + 0.03, w * 1.25, 0.07, 0.06), colour)


def crown(pen: Pen, at: Anchors, colour: Tensor) -> None:
    w, y = pen.each(at.width * 0.85), at.top - 0.06
    for side in (-1, 0, 1):
        x = at.x + side * w * 0.68
        pen.fill(pen.polygon((x - w * 0.46, y + 0.10), (x + w * 0.46, y + 0.10), (x, y + 0.56)), colour)
    pen.fill(pen.box(at.x, y + 0.08, w * 1.04, 0.10, 0.02), colour)
    for side in (-1, 0, 1):
        pen.fill(pen.circle(at.x + side * w * 0.68, y + 0.52, 0.06), LIGHT, outline=0.02)


def scarf(pen: Pen, at: Anchors, colour: Tensor) -> None:
    w, y = pen.each(at.width * 0.95), at.neck
    pen.fill(pen.box(at.x + w * 0.55, y - 0.34, 0.18, 0.34, 0.05), colour)
    pen.fill(pen.box(at.x, y, w, 0.17, 0.12), colour)


def glasses(pen: Pen, at: Anchors, colour: Tensor) -> None:
    gap = pen.each(at.width * 0.55).clamp_min(0.24)
    pen.fill(pen.line((at.x - gap, at.eyes), (at.x + gap, at.eyes), 0.06), colour, outline=0.02)
    for side in (-1, 1):
        pen.fill(pen.circle(at.x + side * gap, at.eyes, gap * 0.88), colour)
        pen.fill(pen.circle(at.x + side * gap, at.eyes, gap * 0.54), DARK, outline=0.0)
        pen.fill(pen.circle(at.x + side * gap - 0.05, at.eyes + 0.07, gap * 0.14), LIGHT, outline=0.0)


def balloon(pen: Pen, at: Anchors, colour: Tensor) -> None:
    """Paint a balloon on a string beside the figure."""
    x, y = pen.each(at.x + at.width + 0.42), pen.each(at.top + 0.10)
    pen.fill(pen.line((x - 0.30, y - 1.20), (x, y - 0.3), 0.03), DARK, outline=0.0)
    pen.fill(pen.ellipse(x, y, 0.30, 0.36), colour)
    pen.fill(pen.ellipse(x - 0.10, y + 0.13, 0.06, 0.09), LIGHT, outline=0.0)


def bow(pen: Pen, at: Anchors, colour: Tensor) -> None:
    x, y = pen.each(at.x + at.width * 0.30), at.top + 0.10
    pen.fill(pen.polygon((x, y), (x - 0.48, y + 0.30), (x - 0.48, y - 0.30)), colour)
    pen.fill(pen.polygon((x, y), (x + 0.48, y - 0.30), (x + 0.48, y + 0.30)), colour)
    pen.fill(pen.circle(x, y, 0.14), colour * 0.7)


WORN: dict[str, Callable[[Pen, Anchors, Tensor], None]] = {
    "hat": hat, "crown": crown, "scarf": scarf, "glasses": glasses, "balloon": balloon, "bow": bow,
}  # fmt: skip
WORN_ALONE: dict[str, Anchors] = {
    "hat": Anchors(x=0.0, top=-0.88, eyes=0.0, neck=0.0, width=0.75),
    "crown": Anchors(x=0.0, top=-0.88, eyes=0.0, neck=0.0, width=0.80),
    "scarf": Anchors(x=0.0, top=0.0, eyes=0.0, neck=-0.30, width=0.75),
    "glasses": Anchors(x=0.0, top=0.0, eyes=-0.55, neck=0.0, width=0.85),
    "balloon": Anchors(x=-0.92, top=0.25, eyes=0.0, neck=0.0, width=0.5),
    "bow": Anchors(x=-0.2, top=-0.70, eyes=0.0, neck=0.0, width=0.6),
}
"""The anchors of a thing that lies on the ground instead of being worn."""


def shadow(pen: Pen) -> Field:
    """Return the darkness of the ground under a figure."""
    return torch.sigmoid(-pen.ellipse(0.05, -0.97, 0.85, 0.13) * 14) * 0.45
