"""Concepts that came without their pictures: one note and CLIP's view of it stand in their place."""

import json
from collections.abc import Iterable

from concepts.records import ConceptRecord, FeatureRecord, ImageRecord
from lambda_studio.errors import PicturesLeftOut

SIDE = 1
"""The size of a note, in place of a picture's: no picture is as small."""
DTYPES = ("bfloat16", "float16", "float32")
"""A view that cannot be computed again serves whatever number format the encoder runs in."""


def is_left_out(image: ImageRecord) -> bool:
    """Whether this is a note, and no picture."""
    return image.width == SIDE and image.height == SIDE


def require_pictures(concepts: Iterable[ConceptRecord], what: str) -> None:
    """Raise PicturesLeftOut, which names every concept that has none."""
    without = [concept.name for concept in concepts if any(map(is_left_out, concept.images))]
    if without:
        cause = f"{', '.join(without)}: came without pictures, and {what} needs them."
        raise PicturesLeftOut(cause, "Ask for a bundle with pictures, or leave these out.")


def require_embedding(images: Iterable[ImageRecord]) -> None:
    """Raise PicturesLeftOut where one of these would have to be looked at and is a note."""
    without = [image.source_name for image in images if is_left_out(image)]
    if without:
        cause = (
            f"{', '.join(without)}: there is no embedding for the CLIP of this stack, and no picture to make it from."
        )
        raise PicturesLeftOut(cause, "Use the stack it was exported with (--stack), or ask for a bundle with pictures.")


def encoder_and_preprocessing(feature: FeatureRecord) -> tuple[str, str]:
    """Which CLIP a cached view is of, and how the picture was prepared."""
    key = json.loads(feature.key)
    return key["encoder"]["fingerprint"], key["preprocessing"]
