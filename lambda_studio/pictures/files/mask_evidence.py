"""Decide which part of a mask file is the mask: its black and white, its transparency, or the part that was erased."""

import numpy as np
from PIL import Image, ImageChops

EXTREME = 32
"""Greys at most this far from black or white count as black or white."""
TWO_COLOURED = 0.97
"""A picture with a larger share of black and white pixels was drawn as a mask."""
BOTH = 0.001
"""Of black and of white there must be at least this share, and of clear pixels, to mean something."""
FLAT = 8
CLOSED = 0.98
"""If a larger share of the border is opaque, the clear part lies inside: editors erase subjects so."""


def mask_of(rgb: Image.Image, alpha: Image.Image | None) -> Image.Image:
    """Return the mask (mode L, white = subject) of a mask file's planes. One stray pixel decides nothing."""
    grey = rgb.convert("L")
    if alpha is None or _is_drawn(grey):
        return grey
    opaque = np.asarray(alpha) >= 128
    if np.ptp(np.asarray(grey)) <= FLAT:
        return alpha
    if (~opaque).mean() < BOTH:
        return grey
    border = np.concatenate([opaque[0], opaque[-1], opaque[:, 0], opaque[:, -1]])
    return ImageChops.invert(alpha) if border.mean() > CLOSED else alpha


def _is_drawn(grey: Image.Image) -> bool:
    """Return whether a picture is black and white, with some of both."""
    values = np.asarray(grey)
    black, white = (values <= EXTREME).mean(), (values >= 255 - EXTREME).mean()
    return bool(min(black, white) >= BOTH and black + white >= TWO_COLOURED)
