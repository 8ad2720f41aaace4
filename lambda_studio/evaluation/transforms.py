"""How published networks see a picture: torchvision's Resize, CenterCrop and Normalize, on Pillow's pictures."""

from collections.abc import Sequence

import numpy as np
import torch
from einops import rearrange
from jaxtyping import Float
from PIL import Image
from torch import Tensor


def resized_middle(
    image: Image.Image, short: int, side: int, resampling: Image.Resampling = Image.Resampling.BICUBIC
) -> Image.Image:
    """Return the middle square of `side` pixels in RGB, after the short side was resized to `short`."""
    width, height = (int(short * length / min(image.size)) for length in image.size)
    scaled = image.convert("RGB").resize((width, height), resampling)
    left, top = round((width - side) / 2), round((height - side) / 2)
    return scaled.crop((left, top, left + side, top + side))


def clip_square(image: Image.Image, size: int) -> Image.Image:
    """Return a picture as OpenAI's CLIP sees it: the short side to `size` pixels, then the middle."""
    return resized_middle(image, size, size)


def normalised(image: Image.Image, mean: Sequence[float], std: Sequence[float]) -> Float[Tensor, "3 height width"]:
    """Return a picture's pixels, of which a mean is subtracted and which are divided by a standard deviation."""
    pixels = np.asarray(image.convert("RGB"), dtype=np.float32) / 255
    return rearrange(torch.from_numpy((pixels - mean) / np.array(std)).float(), "h w c -> c h w")
