"""Which way a subject faces in its pictures."""

from collections.abc import Collection, Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from lambda_studio.training.examples import Example

LEAST_SHARE = 0.3
"""The least share of a latent that its subject has, to be in the box around the subject."""
SIDE = 8
"""The values on a side in which subjects of all sizes are compared."""

Pictures = Collection[tuple[str, str]]
"""Pictures by their concept and hash."""
MirrorPair = tuple[Example, Example]
"""A part of a picture, and its mirror image."""


def facing_one_way(examples: Sequence[Example], to_mirror: Pictures) -> list[Example]:
    """Return the examples of the mirror images of some pictures, and of all other pictures as they are."""
    return [each for each in examples if each.is_mirrored == ((each.concept, each.image_sha) in to_mirror)]


def pictures_to_mirror(examples: Sequence[Example]) -> frozenset[tuple[str, str]]:
    """Return the pictures that are to be mirrored, so that each subject faces one way in all of its pictures.

    The way is that of most of the subject's pictures, or if both ways have as many, that of the first picture. Pictures
    without a mask are not compared, and none of them is mirrored.
    """
    return frozenset(
        (concept, picture) for concept, pairs in _pairs_of(examples).items() for picture in facing_another_way(pairs)
    )


def facing_another_way(pairs: Sequence[MirrorPair]) -> set[str]:
    """Return the hashes of a subject's pictures in which it faces another way than in most.

    The difference between the latents of a picture and of its mirror image holds only the asymmetric part. The first
    singular vector of the differences of all pictures tells left from right without labels.
    """
    mean = torch.stack([example.latents.mean((1, 2)) for pair in pairs for example in pair]).mean(0)[:, None, None]
    differences = torch.stack([_subject(one, mean) - _subject(other, mean) for one, other in pairs])
    direction = torch.linalg.svd(F.normalize(differences, dim=1), full_matrices=False).Vh[0]
    sides = (differences @ direction >= 0).tolist()
    common = sides[0] if 2 * sides.count(sides[0]) >= len(sides) else not sides[0]
    return {one.image_sha for (one, _), side in zip(pairs, sides, strict=True) if side != common}


def _pairs_of(examples: Sequence[Example]) -> dict[str, list[MirrorPair]]:
    """Return the main crop of each picture with its mirror image, by concept; of pictures whose subject is known."""
    parts: dict[tuple[str, str], list[Example]] = {}
    for example in examples:
        parts.setdefault((example.concept, example.image_sha), []).append(example)
    found: dict[str, list[MirrorPair]] = {}
    for (concept, _), (main, *others) in parts.items():
        pair = (main, *others[:1])
        if len(pair) == 2 and pair[1].is_mirrored and all(map(_is_shown, pair)):  # both: masks are rounded
            found.setdefault(concept, []).append(pair)
    return found


def _is_shown(example: Example) -> bool:
    """Return whether the mask shows the subject, in latents that are numbers."""
    return bool((_mask_of(example) > LEAST_SHARE).any()) and bool(example.latents.isfinite().all())


def _mask_of(example: Example) -> Float[Tensor, "height width"]:
    """Return the mask; without one, nothing is the subject."""
    return torch.zeros(example.latents.shape[-2:]) if example.mask is None else example.mask


def _subject(example: Example, mean: Tensor) -> Float[Tensor, " values"]:
    """Return the subject's latents around `mean`, with the box around it brought to `SIDE` by `SIDE`."""
    mask = _mask_of(example)
    rows, columns = ((mask > LEAST_SHARE).any(axis).nonzero().flatten() for axis in (1, 0))
    shown = ((example.latents - mean) * mask)[:, rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    many = max(shown.shape[1:]) >= 2 * SIDE  # else each latent has a part in the values also without antialiasing
    return F.interpolate(shown[None], (SIDE, SIDE), mode="bilinear", antialias=many).flatten()
