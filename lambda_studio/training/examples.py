"""The table of constants that fine-tuning reads: what the frozen encoders make of each picture, once."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from einops import rearrange
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from lambda_studio.models.clip import Clip
from lambda_studio.models.decoders.protocol import Decoder
from lambda_studio.pictures.crops import square_crop


@dataclass(frozen=True)
class Example:
    """One picture of a concept, as Eq. 2 needs it."""

    concept: str
    image_sha: str
    latents: Float[Tensor, "4 height width"]
    """MoVQ's, unscaled."""
    image_embeds: Float[Tensor, " dim"]
    """CLIP's, not normalised, of the same crop."""


def encode_latents(
    decoder: Decoder, images: Sequence[Image.Image], resolution: int, batch_size: int = 8
) -> Float[Tensor, "image 4 height width"]:
    """MoVQ latents (float32, on the CPU) of each image's square crop at `resolution` pixels."""
    chunks = []
    for start in range(0, len(images), batch_size):
        crops = [_pixels(square_crop(image, resolution)) for image in images[start : start + batch_size]]
        chunks.append(_constant(decoder.encode(torch.stack(crops))))
    return torch.cat(chunks)


def encode_image_embeds(clip: Clip, images: Sequence[Image.Image], batch_size: int = 8) -> Float[Tensor, "image dim"]:
    """CLIP's raw embeddings (float32, on the CPU) of each image's square crop: what the latents show, it sees."""
    crops = [square_crop(image, clip.image_size) for image in images]
    return _constant(clip.encode_images(crops, batch_size))


def encode_examples(
    decoder: Decoder,
    clip: Clip,
    concepts: Sequence[str],
    image_shas: Sequence[str],
    images: Sequence[Image.Image],
    resolution: int,
    batch_size: int = 8,
) -> list[Example]:
    """Examples of `images` (whole pictures, any shape), where `concepts[i]` is shown by `images[i]`.

    The official script denoises one crop and conditions on CLIP's view of another; here both are `square_crop`.
    """
    latents = encode_latents(decoder, images, resolution, batch_size)
    image_embeds = encode_image_embeds(clip, images, batch_size)
    rows = zip(concepts, image_shas, latents, image_embeds, strict=True)
    return [Example(*row) for row in rows]


def _pixels(image: Image.Image) -> Float[Tensor, "3 height width"]:
    """0..1."""
    width, height = image.size
    flat = torch.frombuffer(bytearray(image.tobytes()), dtype=torch.uint8)
    return rearrange(flat, "(height width channel) -> channel height width", height=height, width=width) / 255


def _constant(tensor: Tensor) -> Tensor:
    """A copy that training may read: what `inference_mode` made, autograd refuses."""
    return tensor.detach().to("cpu", torch.float32, copy=True)
