"""Decode pictures one by one, and a large one in tiles that overlap, in the memory of one tile."""

import math
from collections.abc import Callable
from itertools import product

import torch
from jaxtyping import Float
from torch import Tensor

TILE = 768
"""Pixels on a side of a tile."""
OVERLAP = 1 / 8
"""The least overlap of neighbours, as a part of a tile's side. Within it, one tile fades into the other."""
BLENDING_BYTES = 4 * (3 + 1 + 3)
"""Bytes for each pixel of the picture, in float32: the sum of the tiles, their weights, and the quotient."""


def decode_each(
    decode: Callable[[Tensor], Tensor], latents: Float[Tensor, "batch channel h w"], scale: int, in_tiles: bool
) -> Float[Tensor, "batch 3 height width"]:
    """Return the pictures of latents, in 0..1. They are decoded one by one, which takes less memory.

    Args:
        decode: returns the pixels of latents, in -1..1.
        scale: pixels on a side of one latent.
        in_tiles: decode pictures that are larger than a tile by `decode_in_tiles`.
    """
    large = in_tiles and max(latents.shape[-2:]) * scale > TILE
    found = [decode_in_tiles(decode, one, TILE // scale, scale) if large else decode(one) for one in latents.split(1)]
    return (torch.cat(found) / 2 + 0.5).clamp(0, 1)


def decode_in_tiles(
    decode: Callable[[Tensor], Tensor], latents: Float[Tensor, "1 channel h w"], side: int, scale: int
) -> Float[Tensor, "1 3 height width"]:
    """Return the float32 picture of latents that `decode` gets in tiles of at most `side` latents on a side.

    The attention and the norms of a network see one tile at a time. So the picture differs a little from the picture
    that is decoded as a whole.

    Args:
        decode: returns the pixels of latents.
        scale: pixels on a side of one latent.
    """
    (height, tops), (width, lefts) = (tile_starts(length, side) for length in latents.shape[-2:])
    weight = _fading(height * scale, side * scale).outer(_fading(width * scale, side * scale)).to(latents.device)
    canvas = [length * scale for length in latents.shape[-2:]]
    total, weights = (latents.new_zeros(shape, dtype=torch.float32) for shape in ((1, 3, *canvas), canvas))
    for top, left in product(tops, lefts):
        pixels = decode(latents[..., top : top + height, left : left + width])
        rows, columns = (slice(at * scale, (at + span) * scale) for at, span in ((top, height), (left, width)))
        total[..., rows, columns] += weight * pixels
        weights[rows, columns] += weight
    return total / weights


def tile_starts(length: int, side: int) -> tuple[int, list[int]]:
    """Return the length of a tile, and where the tiles begin: evenly spaced, and overlapping by `OVERLAP` at least."""
    if length <= side:
        return length, [0]
    gaps = math.ceil((length - side) / (side - math.ceil(OVERLAP * side)))
    return side, [round(number * (length - side) / gaps) for number in range(gaps + 1)]


def _fading(pixels: int, side: int) -> Float[Tensor, " pixels"]:
    """Return the weight of each row of a tile: 1, and less over `OVERLAP` at both ends, but never 0."""
    to_the_end = torch.arange(1, pixels + 1).minimum(torch.arange(pixels, 0, -1))
    return (to_the_end / (OVERLAP * side)).clamp(max=1)
