"""Choose the function that finds the subject in a picture."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from lambda_studio.errors import MaskRefused
from lambda_studio.pictures.files.opening import Photo
from lambda_studio.pictures.masks.marks import Box
from lambda_studio.pictures.masks.subject import FoundMask, find_subject, mask_image, subject_warnings
from lambda_studio.workflows.workplace import Workplace

if TYPE_CHECKING:
    from lambda_studio.models.grounded import GroundedSegmenter

Finder = Callable[[Photo], FoundMask]
GROUNDED = "grounded"


def subject_finder(place: Workplace, segment: str, noun: str) -> Finder:
    """Return the function that finds the subject, a `noun`, by `grounded` or one of `masks.SEGMENTERS`."""
    if segment != GROUNDED:
        return partial(find_subject, segment=segment, look=place.door.salience)
    return partial(find_by_noun, grounded(place), noun)


def grounded(place: Workplace) -> "GroundedSegmenter":
    """Return Grounding DINO and SAM of the stack. They are loaded at first use."""
    from lambda_studio.models.grounded import GroundedSegmenter
    from lambda_studio.models.stacks.files import StackFiles

    files = StackFiles(place.spec)
    return GroundedSegmenter(files.source("detector"), files.source("segmenter"), on_notice=place.notify)


def find_in_box(segmenter: "GroundedSegmenter", box: Box, photo: Photo) -> FoundMask:
    """Outline the object in a box with SAM. Raises MaskRefused if there is none."""
    subject = segmenter.outline(photo.image, box.on(photo.image.size, photo.given_size, photo.path.name))
    if subject is None:
        raise MaskRefused(f"SAM found nothing in the box for {photo.path.name}.", "Give another box, or a mask.")
    return FoundMask(mask_image(subject), subject_warnings(subject.mean()))


def find_by_noun(segmenter: "GroundedSegmenter", noun: str, photo: Photo) -> FoundMask:
    """Find the most likely object of this noun in a photo. Raises MaskRefused if there is none."""
    subject = segmenter.find(photo.image, noun)
    if subject is None:
        cause = f"{photo.path} shows no {noun} that Grounding DINO and SAM could find."
        raise MaskRefused(cause, "Give a mask, another noun, or segment=grabcut.")
    return FoundMask(mask_image(subject), subject_warnings(subject.mean()))
