"""Make crops of a picture: the cut-out subject for CLIP, and its middle for training."""

from PIL import Image

from lambda_studio.config import Size
from lambda_studio.pictures.files.colour.conversion import WHITE
from lambda_studio.pictures.files.png import without_metadata
from lambda_studio.pictures.parts import middle_crop, subject_box

PREPROCESSING = "cutout-1"
"""The version of `cut_out` and `square_crop`, in every feature's cache key. Change it when their pixels change."""


def cut_out(image: Image.Image, mask: Image.Image | None, size: int, margin: float = 0.05) -> Image.Image:
    """Cut the subject out on white, as an RGB square of `size` pixels.

    The subject is cropped to its box with `margin`, a share of the box's long side, and padded to a square. The padding
    keeps CLIP's centre crop from cutting the subject. Without a mask the whole picture is the subject, without margin.
    """
    if mask is not None:
        box = subject_box(mask)
        image = Image.composite(image, Image.new("RGB", image.size, WHITE), mask).crop(box)
    side = max(image.size)
    side += 2 * round(side * margin) if mask is not None else 0
    square = Image.new("RGB", (side, side), WHITE)
    square.paste(image, ((side - image.width) // 2, (side - image.height) // 2))
    return square.resize((size, size), Image.Resampling.BICUBIC)


def square_crop(image: Image.Image, size: int) -> Image.Image:
    """Return the middle square in RGB, resized to `size` pixels: the picture that Eq. 2 denoises and CLIP embeds."""
    return middle_at(image, Size.square(size))


def middle_at(image: Image.Image, size: Size) -> Image.Image:
    """Return the largest middle part of this shape in RGB, resized to `size`."""
    shape = (size.width, size.height)
    crop = middle_crop(*image.size, shape).cut(image)
    return without_metadata(crop.resize(shape, Image.Resampling.BICUBIC))
