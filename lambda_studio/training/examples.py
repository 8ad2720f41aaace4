"""The constants that fine-tuning reads: each picture encoded once by the frozen encoders."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from einops import rearrange
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from lambda_studio.config import Size
from lambda_studio.models.clip.clip import Clip
from lambda_studio.models.decoders.protocol import Decoder
from lambda_studio.pictures.crops import middle_at, square_crop
from lambda_studio.pictures.parts import Crop


@dataclass(frozen=True)
class Example:
    """One encoded picture of a concept, for Eq. 2."""

    concept: str
    image_sha: str
    latents: Float[Tensor, "channel height width"]
    """MoVQ latents, unscaled."""
    image_embeds: Float[Tensor, " dim"]
    """CLIP embedding of the same crop, not normalised; or a prediction of it, see `conditions`."""
    prediction: int = 0
    """0 is the picture's own embedding, 1 and more are predictions."""
    crop: str = ""
    """The part of the picture, as text. Empty is the middle square."""
    mask: Float[Tensor, "height width"] | None = None
    """How much of each latent is the subject, in 0..1. None: the whole picture, or not needed."""
    only_subject: bool = False
    """Whether only the subject is learnt, or nothing if the mask is empty. The embedding is of another place."""

    @property
    def is_mirrored(self) -> bool:
        """Whether it is the mirror image of a crop."""
        crop = Crop.find(self.crop)
        return crop is not None and crop.mirrored


def encode_latents(
    decoder: Decoder, images: Sequence[Image.Image], size: Size, batch_size: int = 8
) -> Float[Tensor, "image channel height width"]:
    """Return the MoVQ latents (float32, on the CPU) of the middle of each image at `size` pixels."""
    chunks = []
    for start in range(0, len(images), batch_size):
        crops = [_pixels(middle_at(image, size)) for image in images[start : start + batch_size]]
        chunks.append(_constant(decoder.encode(torch.stack(crops))))
    return torch.cat(chunks)


def encode_image_embeds(clip: Clip, images: Sequence[Image.Image], batch_size: int = 8) -> Float[Tensor, "image dim"]:
    """Return CLIP's raw embeddings (float32, on the CPU) of the middle square of each image.

    Of square images it is the crop that `encode_latents` encodes, else CLIP sees less.
    """
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
    """Return the examples of `images` (whole pictures of any shape), where `images[i]` shows `concepts[i]`.

    The official script denoises one crop and conditions on CLIP's view of another. Here both are `square_crop`.
    """
    latents = encode_latents(decoder, images, Size.square(resolution), batch_size)
    image_embeds = encode_image_embeds(clip, images, batch_size)
    rows = zip(concepts, image_shas, latents, image_embeds, strict=True)
    return [Example(*row) for row in rows]


def _pixels(image: Image.Image) -> Float[Tensor, "3 height width"]:
    """Return the pixels, in 0..1."""
    width, height = image.size
    flat = torch.frombuffer(bytearray(image.tobytes()), dtype=torch.uint8)
    return rearrange(flat, "(height width channel) -> channel height width", height=height, width=width) / 255


def _constant(tensor: Tensor) -> Tensor:
    """Return a copy that autograd accepts: autograd refuses tensors from `inference_mode`."""
    return tensor.detach().to("cpu", torch.float32, copy=True)
