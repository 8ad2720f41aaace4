"""The constants that fine-tuning reads: each picture encoded once by the frozen encoders."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

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

LEAST = 0.02
"""The least share of a picture that its subject has, to be learnt in other scenes."""


@dataclass(frozen=True)
class Example:
    """One encoded picture of a concept, for Eq. 2."""

    concept: str
    image_sha: str
    latents: Float[Tensor, "channel height width"]
    """MoVQ latents, unscaled."""
    image_embeds: Float[Tensor, " dim"]
    """CLIP embedding of the same crop, not normalised; or a prediction of it, see `with_predictions`."""
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

    @property
    def is_middle(self) -> bool:
        """Whether it is the picture's middle, square or of its bucket's shape. All other crops are square."""
        crop = Crop.find(self.crop)
        return crop is None or (crop.width != crop.height and not crop.mirrored)


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


def with_predictions(
    examples: Sequence[Example],
    predicted: Mapping[str, Float[Tensor, "prediction dim"]],
    own: bool,
    in_places: Mapping[str, Float[Tensor, "placed dim"]] | None = None,
    unchanged: Mapping[str, Float[Tensor, "unchanged dim"]] | None = None,
) -> list[Example]:
    """Return the examples with predicted embeddings in place of their own, or beside them if `own`.

    `generate` gives the decoder the prior's prediction, which differs from the embedding of any photograph. A decoder
    that learns a picture from predictions too draws its details from prompts.

    Args:
        examples: The examples of the pictures, among them the middle of each. The mirror image of a crop follows it.
            Each prediction goes to a middle or to its mirror image: the one whose own embedding has the larger inner
            product with it.
        predicted: The prior's predictions of each concept; shared out evenly over its pictures' middles.
        own: Whether the pictures' own embeddings stay.
        in_places: Predictions of each concept in other places, for its pictures with a mask. Only the subject of the
            picture is learnt from these.
        unchanged: Predictions of each concept for which a LoRA is to change nothing. The pictures get empty masks, so
            that everywhere the target is the prediction of the decoder without the LoRA. Not for a full training.
    """
    table, middles = list(examples) if own else [], list(_middles(examples))
    for concept, rows in predicted.items():
        table += _shared_out([each for each in middles if each[0].concept == concept], rows, 1)
    for concept, rows in (in_places or {}).items():
        pictures = [each for each in middles if each[0].concept == concept and _shows_subject(each[0])]
        table += [replace(each, only_subject=True) for each in _shared_out(pictures, rows, _next(table, concept))]
    for concept, rows in (unchanged or {}).items():
        pictures = [(_without_subject(each),) for each, *_ in middles if each.concept == concept]
        table += _shared_out(pictures, rows, _next(table, concept))
    return table


def _middles(examples: Sequence[Example]) -> Iterator[tuple[Example, ...]]:
    """Iterate over the middle of each picture, with its mirror image where there is one."""
    for number, example in enumerate(examples):
        if example.is_middle:
            following = examples[number + 1 : number + 2]
            yield example, *(each for each in following if each.is_mirrored and each.image_sha == example.image_sha)


def _next(table: Sequence[Example], concept: str) -> int:
    """Return the number after those of a concept's predictions."""
    return 1 + max((each.prediction for each in table if each.concept == concept), default=0)


def _without_subject(example: Example) -> Example:
    return replace(example, mask=torch.zeros(example.latents.shape[-2:]), only_subject=True)


def _shows_subject(example: Example) -> bool:
    return example.mask is not None and float(example.mask.mean()) >= LEAST


def _shared_out(
    pictures: Sequence[tuple[Example, ...]], rows: Float[Tensor, "prediction dim"], first: int
) -> list[Example]:
    """Return the pictures with each prediction in place of their embedding, in turn, numbered from `first`.

    A picture may have its mirror image beside it. Then the one with the larger inner product with the prediction goes.
    """
    count = len(pictures)
    return [
        replace(
            max(pictures[number % count], key=lambda each: float(each.image_embeds @ embeds)),
            image_embeds=embeds,
            prediction=first + number // count,
        )
        for number, embeds in enumerate(rows if count else ())
    ]


def _pixels(image: Image.Image) -> Float[Tensor, "3 height width"]:
    """Return the pixels, in 0..1."""
    width, height = image.size
    flat = torch.frombuffer(bytearray(image.tobytes()), dtype=torch.uint8)
    return rearrange(flat, "(height width channel) -> channel height width", height=height, width=width) / 255


def _constant(tensor: Tensor) -> Tensor:
    """Return a copy that autograd accepts: autograd refuses tensors from `inference_mode`."""
    return tensor.detach().to("cpu", torch.float32, copy=True)
