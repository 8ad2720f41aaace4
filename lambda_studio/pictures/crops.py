"""Square crops of a picture: the subject cut out for CLIP, and the middle square for training."""

from PIL import Image

from lambda_studio.pictures.colour import WHITE
from lambda_studio.pictures.png import without_metadata

PREPROCESSING = "cutout-1"
"""The version of `cut_out` and `square_crop`: part of every feature's cache key. Change it when their pixels change."""


def cut_out(image: Image.Image, mask: Image.Image | None, size: int, margin: float = 0.05) -> Image.Image:
    """The subject on white, cropped to its box with `margin` (of the box's long side), padded to a square, resized.

    Padded, because CLIP's centre crop would cut what is not square. Without a mask all of the picture is the subject,
    and there is no margin. Gives RGB, `size` pixels on a side.
    """
    if mask is not None:
        box = mask.point(lambda value: 255 * (value >= 128)).getbbox()
        image = Image.composite(image, Image.new("RGB", image.size, WHITE), mask).crop(box)
    side = max(image.size)
    side += 2 * round(side * margin) if mask is not None else 0
    square = Image.new("RGB", (side, side), WHITE)
    square.paste(image, ((side - image.width) // 2, (side - image.height) // 2))
    return square.resize((size, size), Image.Resampling.BICUBIC)


def square_crop(image: Image.Image, size: int) -> Image.Image:
    """The middle square, resized: what Eq. 2 denoises, and what CLIP sees beside it. RGB, `size` on a side."""
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    crop = image.crop((left, top, left + side, top + side))
    return without_metadata(crop.resize((size, size), Image.Resampling.BICUBIC))
