"""Choose how many pictures are drawn at once, and what stays in memory, for the memory that is free."""

from dataclasses import dataclass, replace

from lambda_studio.config import Size
from lambda_studio.models.decoders.protocol import Footprint

GIB = 2**30
WORKSPACE = GIB // 4
"""Added to each estimate: kernels' own buffers. An H200 took 0.10 GiB above the count for one picture, 0.21 for 8."""
IDLE = 2 * GIB
"""More than text tower and prior take (1.4 GiB of Kandinsky 2.2): with less to spare they are freed before drawing."""


@dataclass(frozen=True)
class DrawingPlan:
    """How pictures are drawn in the memory that is free."""

    batch_size: int
    """Pictures drawn at once."""
    needed: int
    """Bytes that this takes."""
    free: int
    frees_idle: bool
    """Whether text tower and prior are freed before drawing."""
    in_tiles: bool = False
    """Whether pictures are decoded in tiles."""

    @property
    def fits(self) -> bool:
        """Whether the estimate is within the free memory."""
        return self.needed <= self.free

    def said(self, size: Size) -> str:
        """Return the sentence for the user."""
        needed, free = (f"{size / GIB:.1f} GiB" for size in (self.needed, self.free))
        if not self.fits:
            return (
                f"A picture of {size} pixels needs about {needed}, and {free} of GPU memory are free. It may not "
                "fit: close other programs, or draw smaller pictures."
            )
        many = "one" if self.batch_size == 1 else str(self.batch_size)
        tiles = ", decoded in tiles" if self.in_tiles else ""
        return f"{free} of GPU memory are free: pictures of {size} pixels, {many} at a time{tiles}, about {needed}."


def plan_drawing(footprint: Footprint, count: int, most: int, free: int) -> DrawingPlan:
    """Return the plan for `count` pictures, at most `most` at once, in `free` bytes.

    Pictures are decoded one by one, and in tiles if the whole of a large one does not fit. Where not even one fits, the
    plan is for one, and `fits` is False.
    """
    tiles = footprint.decoding_in_tiles
    in_tiles = tiles is not None and _decoding(footprint) > free
    if tiles is not None and in_tiles:
        footprint = replace(footprint, decoding=tiles)
    batches = range(min(count, most), 0, -1)
    batch_size = next((size for size in batches if needed(footprint, size) <= free), 1)
    takes = needed(footprint, batch_size)
    return DrawingPlan(batch_size, takes, free, free - takes < IDLE, in_tiles)


def needed(footprint: Footprint, batch_size: int) -> int:
    """Return the bytes that drawing this many pictures at once takes, without text tower and prior."""
    drawing = max(batch_size * footprint.denoising, footprint.encoding)
    return max(footprint.weights + drawing + WORKSPACE, _decoding(footprint))


def _decoding(footprint: Footprint) -> int:
    return footprint.weights + footprint.decoding + WORKSPACE
