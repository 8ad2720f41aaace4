"""Read photo files into checked images with masks, ready for one short transaction."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from concepts.records import NewImage
from lambda_studio.errors import ImageRefused, MaskRefused, StudioError
from lambda_studio.pictures.door import PictureDoor
from lambda_studio.pictures.files.captions import caption_file, read_caption
from lambda_studio.pictures.files.opening import Photo, read_file
from lambda_studio.pictures.files.png import encode_png, sha256
from lambda_studio.pictures.files.refusals import named, refused, refused_together
from lambda_studio.pictures.masks.subject import FoundMask, load_mask
from lambda_studio.pictures.near_duplicates import NearDuplicates
from lambda_studio.pictures.sharpness import blur_warnings
from lambda_studio.progress import Progress, silent, unheard
from lambda_studio.workflows.subjects.masks.segmenting import Finder
from lambda_studio.workflows.subjects.photos.once import PhotosOnce
from lambda_studio.workflows.subjects.photos.plain_names import in_order


@dataclass(frozen=True)
class Reading:
    """What opens the files, shows the progress, and is told of photos that are given again."""

    door: PictureDoor
    progress: Progress = silent
    note: Callable[[str], None] = unheard
    shown: Callable[[Path], str] = named
    """Returns how a note names a file."""
    refused: Sequence[StudioError] = ()
    """Files that are known to be unusable. With any, nothing is stored."""


def read_images(
    reading: Reading,
    paths: Sequence[Path],
    masks: Sequence[Path | Finder | None],
    find: Finder,
    keep_original: bool = False,
) -> Iterator[NewImage]:
    """Open and verify every photo and mask, and yield each image. Without a mask, `find` finds the subject.

    In place of a mask file there may be a function that finds the subject of one image.
    A photo that is given again, also as a copy of its bytes or its pixels, is kept once, which `reading` is told.
    `keep_original` adds the verified bytes of each file, metadata included, to its image.
    Raises ImageRefused or MaskRefused at the end, with every unusable file.
    """
    if masks and len(masks) != len(paths):
        given = "is 1 mask" if len(masks) == 1 else f"are {len(masks)} masks"
        cause = f"There {given} for {len(paths)} image{'s' * (len(paths) != 1)}."
        raise MaskRefused(cause, "Give one mask for each image, in the same order, or give none.")
    if reading.refused:
        raise _refused_unread(reading, paths)
    problems: list[StudioError] = []
    photos = _Photos(reading, keep_original)
    with reading.progress("Finding the subject", total=len(paths)) as advance:
        for index in in_order(paths, {at for at, mask in enumerate(masks) if mask is not None}):
            path = paths[index]
            found = partial(_mask, reading.door, given=masks[index] if masks else None, find=find)
            try:
                image = photos.image(path, found)
                if image and not problems:  # otherwise nothing is stored
                    yield image
            except (ImageRefused, MaskRefused) as error:
                problems.append(error)
            advance()
    if problems:
        raise refused_together(problems, len(paths))


def _refused_unread(reading: Reading, paths: Sequence[Path]) -> StudioError:
    """Return the error for files that are known to be unusable, and those that their structure shows to be so.

    No subject is looked for: nothing will be stored, and it takes a second for each photo.
    """
    problems = [*reading.refused]
    for path in paths:
        try:
            reading.door.check(path)
        except ImageRefused as error:
            problems.append(error)
    return refused_together(problems, len(paths) + len(reading.refused))


def read_usable(
    reading: Reading,
    pairs: Sequence[tuple[Path, Path | None]],
    find: Finder,
    leave_out: Callable[[Path, str], None],
) -> Iterator[NewImage]:
    """Yield the image of each usable photo. `leave_out` is called with each photo or mask that cannot be used, and why.

    The subject of a photo whose mask cannot be used is found as if it had none.
    """
    photos = _Photos(reading)
    with reading.progress("Finding the subject", total=len(pairs)) as advance:
        for index in in_order([path for path, _ in pairs], {at for at, (_, mask) in enumerate(pairs) if mask}):
            path, mask = pairs[index]
            try:
                found = partial(_usable_mask, reading.door, path=mask, find=find, leave_out=leave_out)
                if image := photos.image(path, found):
                    yield image
            except (ImageRefused, MaskRefused) as error:
                leave_out(path, error.cause)
            advance()


class _Photos:
    """Makes images of photo files, and remembers them, so that none is made twice."""

    def __init__(self, reading: Reading, keep_original: bool = False) -> None:
        self._reading, self._keep_original = reading, keep_original
        self._near, self._once = NearDuplicates(), PhotosOnce(reading.shown)

    def image(self, path: Path, found: Finder) -> NewImage | None:
        """Return the image of a file, with the mask that `found` returns; None, and a note, for a photo given again.

        Raises ImageRefused or MaskRefused.
        """
        photo = self._reading.door.photo(path)
        if again := self._once.same_file(path, photo.file_sha):
            self._reading.note(again)
            return None
        picture = encode_png(photo.image)
        sha = sha256(picture)
        if again := self._once.same_picture(path, sha):
            self._reading.note(again)
            return None
        mask = found(photo)
        self._once.remember(path, photo.file_sha, sha)
        image = replace(_new_image(photo, picture, mask, self._near.warnings(photo, sha)), caption=self._caption(path))
        return replace(image, original=_original(photo)) if self._keep_original else image

    def _caption(self, path: Path) -> str | None:
        """Return the caption beside a photo, or None. One that cannot be used is told of."""
        caption, fault = read_caption(path)
        if fault:
            self._reading.note(f"{self._reading.shown(caption_file(path))} is not used as a caption: {fault}")
        return caption


def _usable_mask(
    door: PictureDoor, photo: Photo, path: Path | None, find: Finder, leave_out: Callable[[Path, str], None]
) -> FoundMask:
    try:
        return _mask(door, photo, path, find)
    except MaskRefused as error:
        if path is None:
            raise
        leave_out(path, error.cause)
        return find(photo)


def _mask(door: PictureDoor, photo: Photo, given: Path | Finder | None, find: Finder) -> FoundMask:
    """Return the mask in the file, or the one that is found: by the image's own finder, else by `find`."""
    if isinstance(given, Path):
        return load_mask(given, photo.image.size, door.mask_file, photo.turned)
    return (given or find)(photo)


def _new_image(photo: Photo, picture: bytes, found: FoundMask, near: tuple[str, ...]) -> NewImage:
    return NewImage(
        data=picture,
        mask=None if found.mask is None else encode_png(found.mask),
        width=photo.image.width,
        height=photo.image.height,
        source_name=photo.path.name,
        warnings=(*photo.warnings, *near, *found.warnings, *blur_warnings(photo.image, found.mask)),
    )


def _original(photo: Photo) -> bytes:
    """Return the bytes of the photo's file. Raises ImageRefused if the file changed since it was opened."""
    content = read_file(photo.path)
    if sha256(content) != photo.file_sha:
        raise refused(photo.path, "changed while it was being added", "Give the command again.")
    return content
