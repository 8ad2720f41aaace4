"""From photo files to checked images with masks, ready for one short transaction."""

from collections.abc import Callable, Sequence
from pathlib import Path

from concepts.records import NewImage
from lambda_studio.errors import MaskRefused
from lambda_studio.images import Photo, encode_png, open_photos
from lambda_studio.masks import FoundMask, find_subject, load_mask, subject_warnings
from lambda_studio.progress import Progress


def read_images(paths: Sequence[Path], masks: Sequence[Path], segment: str, progress: Progress) -> list[NewImage]:
    """Open and verify every photo, then find or load each one's mask.

    Raises ImageRefused or MaskRefused, which name every file that cannot be used.
    """
    if masks and len(masks) != len(paths):
        cause = f"There are {len(masks)} masks for {len(paths)} images."
        raise MaskRefused(cause, "Give one --mask for each image, in the same order, or none.")
    photos = open_photos(paths)
    with progress("Finding the subject", total=len(photos)) as advance:

        def find(index: int) -> NewImage:
            photo = photos[index]
            found = _load(masks[index], photo) if masks else find_subject(photo, segment)
            advance()
            return _new_image(photo, found)

        return _all_or_refused(find, len(photos))


def _all_or_refused(find: Callable[[int], NewImage], count: int) -> list[NewImage]:
    """Every image, or one MaskRefused that names every problem."""
    images, problems = [], []
    for index in range(count):
        try:
            images.append(find(index))
        except MaskRefused as error:
            problems.append(error)
    if problems:
        remedies = dict.fromkeys(problem.remedy for problem in problems)
        raise MaskRefused(" ".join(problem.cause for problem in problems), " ".join(remedies))
    return images


def _load(path: Path, photo: Photo) -> FoundMask:
    mask = load_mask(path, photo.image.size)
    if mask is None:
        return FoundMask(None, (f"its mask {path.name} is white throughout: all of the picture is the subject",))
    histogram = mask.histogram()
    return FoundMask(mask, subject_warnings(sum(histogram[128:]) / sum(histogram)))


def _new_image(photo: Photo, found: FoundMask) -> NewImage:
    return NewImage(
        data=encode_png(photo.image),
        mask=None if found.mask is None else encode_png(found.mask),
        width=photo.image.width,
        height=photo.image.height,
        source_name=photo.path.name,
        warnings=(*photo.warnings, *found.warnings),
    )
