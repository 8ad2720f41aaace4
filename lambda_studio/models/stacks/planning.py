"""Choose how many pictures are drawn at once, and what stays in memory, for the memory that is free."""

from dataclasses import dataclass, replace

from lambda_studio.config import Size
from lambda_studio.models.decoders.protocol import Footprint

GIB = 2**30
WORKSPACE = GIB // 4
"""Added to each estimate: kernels' own buffers. An H200 took 0.10 GiB above the count for one picture, 0.21 for 8."""
ENDED = ", and the system may then end this program"
"""What else may happen if the machine's memory is not enough."""


PLENTY, FEW = 16, 8
"""On a CPU with so many times the memory that a picture takes on a GPU, nothing is counted of up to so many at once."""
IDLE = 2 * GIB
"""More than text tower and prior of Kandinsky 2.2 take in half precision (1.4 GiB)."""


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
    asked: int = 0
    """Pictures that would be drawn at once with more memory."""
    of_gpu: bool = True
    """Whether it is a GPU's memory, and not the machine's."""
    is_float32: bool = False
    """Whether the weights are in float32, so that half precision takes half as much."""

    @property
    def is_told(self) -> bool:
        """Whether the user is told: without a GPU, only what the memory changes, and what does not fit."""
        return self.of_gpu or self.batch_size < self.asked or self.in_tiles or not self.fits

    @property
    def fits(self) -> bool:
        """Whether the estimate is within the free memory."""
        return self.needed <= self.free

    def said(self, size: Size) -> str:
        """Return the sentence for the user."""
        needed, free = f"{self.needed / GIB:.1f} GiB", said_free(self.free, self.of_gpu)
        if not self.fits:
            half = f", or give {in_half(self.of_gpu)}" if self.is_float32 else ""
            return (
                f"A picture of {size} pixels needs about {needed}, and {free} are free. It may not fit"
                f"{'' if self.of_gpu else ENDED}: close other programs, or draw smaller pictures{half}."
            )
        many = "one" if self.batch_size == 1 else str(self.batch_size)
        tiles = ", decoded in tiles" if self.in_tiles else ""
        return f"{free} are free: pictures of {size} pixels, {many} at a time{tiles}, about {needed}."


def said_free(size: int, of_gpu: bool) -> str:
    """Return so many bytes of memory as words."""
    return f"{size / GIB:.1f} GiB of {'GPU memory' if of_gpu else 'memory'}"


def too_short(what: str, size: int, free: int, is_float32: bool) -> str:
    """Return the sentence about weights that are more than the machine's free memory."""
    half = f", or give {in_half(of_gpu=False)}" if is_float32 else ""
    needed = f"{what} needs about {size / GIB:.1f} GiB, and {said_free(free, of_gpu=False)} are free"
    return f"{needed}. It may not fit{ENDED}: close other programs{half}."


def in_half(of_gpu: bool) -> str:
    """Return the setting that halves the weights in float32, with what it costs."""
    return "precision=fp16" if of_gpu else "precision=bf16, which is slower on most processors"


def plan_drawing(footprint: Footprint, count: int, most: int, free: int, idle: int = IDLE) -> DrawingPlan:
    """Return the plan for `count` pictures, at most `most` at once, in `free` bytes.

    Pictures are decoded one by one, and in tiles if the whole of a large one does not fit. Where not even one fits, the
    plan is for one, and `fits` is False. With less than `idle` bytes to spare, text tower and prior are freed before
    drawing.
    """
    tiles = footprint.decoding_in_tiles
    in_tiles = tiles is not None and _decoding(footprint) > free
    if tiles is not None and in_tiles:
        footprint = replace(footprint, decoding=tiles)
    batches = range(min(count, most), 0, -1)
    batch_size = next((size for size in batches if needed(footprint, size) <= free), 1)
    takes = needed(footprint, batch_size)
    return DrawingPlan(batch_size, takes, free, free - takes < idle, in_tiles, asked=min(count, most))


def needed(footprint: Footprint, batch_size: int) -> int:
    """Return the bytes that drawing this many pictures at once takes, without text tower and prior."""
    drawing = max(batch_size * footprint.denoising, footprint.encoding)
    return max(footprint.weights + drawing + WORKSPACE, _decoding(footprint))


def _decoding(footprint: Footprint) -> int:
    return footprint.weights + footprint.decoding + WORKSPACE
