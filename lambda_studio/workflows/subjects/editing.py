"""A concept's next version, from the images of one it has and from files."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from concepts.database import Database
from concepts.records import ConceptRecord, ImageRecord, NewImage
from concepts.registry import Registry
from lambda_studio.config import require
from lambda_studio.pictures.door import PictureDoor
from lambda_studio.pictures.masks import load_mask
from lambda_studio.pictures.png import encode_png
from lambda_studio.progress import Progress
from lambda_studio.workflows.subjects.photos import read_images
from lambda_studio.workflows.subjects.segmenting import Finder


def stored_images(database: Database, concept: ConceptRecord) -> list[NewImage]:
    """The concept's images as they are stored, ready to be written into another version."""
    with database.reading() as registry:
        return [_stored_image(registry, image) for image in concept.images]


def _stored_image(registry: Registry, image: ImageRecord) -> NewImage:
    data = registry.blob(image.sha)
    mask = registry.blob(image.mask_sha) if image.mask_sha else None
    original = registry.blob(image.original_sha) if image.original_sha else None
    return NewImage(data, mask, image.width, image.height, image.source_name, image.warnings, original)


def edited_images(
    door: PictureDoor,
    database: Database,
    concept: ConceptRecord,
    add: Sequence[Path],
    drop: Sequence[int],
    masks: Mapping[int, Path],
    find: Finder,
    progress: Progress,
    keep_original: bool,
) -> list[NewImage]:
    """The concept's images without those numbered in `drop`, with other masks for some, and with new ones after them.

    One that it has already, with that mask, is not added again (but its original is kept now, if it had none): a
    command that was carried out and not acknowledged may be given once more. Images are numbered from 1, as `studio
    concepts show` does. Raises InvalidSetting, ImageRefused, MaskRefused.
    """
    known = range(1, len(concept.images) + 1)
    for number in (*drop, *masks):
        require(number in known, f"{concept.name} has no image {number}.", f"It has images 1 to {len(concept.images)}.")
    both = sorted({*drop} & {*masks})
    require(not both, f"Image {both and both[0]} would be dropped and given a mask.", "Do one or the other.")
    images = dict(zip(known, stored_images(database, concept), strict=True))
    images |= {number: _masked(door, images[number], path) for number, path in masks.items()}
    kept = [image for number, image in images.items() if number not in drop]
    new = read_images(door, add, (), find, progress, keep_original) if add else []
    had = {(image.sha, image.mask_sha) for image in kept}
    files = {(image.sha, image.mask_sha): image.original for image in new}
    kept = [replace(each, original=each.original or files.get((each.sha, each.mask_sha))) for each in kept]
    return [*kept, *(image for image in new if (image.sha, image.mask_sha) not in had)]


def _masked(door: PictureDoor, image: NewImage, path: Path) -> NewImage:
    mask = load_mask(path, (image.width, image.height), door.grey)
    data = None if mask is None else encode_png(mask)
    return replace(image, mask=data)
