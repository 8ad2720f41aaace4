"""Read photo files into checked images with masks, ready for one short transaction."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from concepts.records import NewImage
from lambda_studio.errors import ImageRefused, MaskRefused, StudioError
from lambda_studio.pictures.door import PictureDoor
from lambda_studio.pictures.files.opening import Photo, read_file
from lambda_studio.pictures.files.png import encode_png, sha256
from lambda_studio.pictures.files.refusals import named, refused, refused_together
from lambda_studio.pictures.masks.subject import FoundMask, load_mask
from lambda_studio.pictures.near_duplicates import NearDuplicates
from lambda_studio.pictures.sharpness import blur_warnings
from lambda_studio.progress import Progress, silent, unheard
from lambda_studio.workflows.subjects.segmenting import Finder


@dataclass(frozen=True)
class Reading:
    """What opens the files, shows the progress, and is told of files that are not read."""

    door: PictureDoor
    progress: Progress = silent
    note: Callable[[str], None] = unheard


def read_images(
    reading: Reading,
    paths: Sequence[Path],
    masks: Sequence[Path | Finder | None],
    find: Finder,
    keep_original: bool = False,
) -> Iterator[NewImage]:
    """Open and verify every photo and mask, and yield each image. Without a mask, `find` finds the subject.

    In place of a mask file there may be a function that finds the subject of one image.
    A file that is given again, also as a copy of the same bytes, is read once, which `reading` is told.
    `keep_original` adds the verified bytes of each file, metadata included, to its image.
    Raises ImageRefused or MaskRefused at the end, with every unusable file.
    """
    if masks and len(masks) != len(paths):
        given = "is 1 mask" if len(masks) == 1 else f"are {len(masks)} masks"
        cause = f"There {given} for {len(paths)} image{'s' * (len(paths) != 1)}."
        raise MaskRefused(cause, "Give one mask for each image, in the same order, or give none.")
    problems: list[StudioError] = []
    door, known, files = reading.door, NearDuplicates(), FilesOnce()
    with reading.progress("Finding the subject", total=len(paths)) as advance:
        for index, path in enumerate(paths):
            try:
                photo = door.photo(path)
                if again := files.again(photo):
                    reading.note(again)
                    advance()
                    continue
                found = _mask(door, photo, masks[index] if masks else None, find)
                if not problems:  # otherwise nothing is stored
                    yield _new_image(photo, found, known.warnings(photo), keep_original)
            except (ImageRefused, MaskRefused) as error:
                problems.append(error)
            advance()
    if problems:
        raise refused_together(problems, len(paths))


class FilesOnce:
    """Remembers files by their bytes, to find those that are given again."""

    def __init__(self) -> None:
        self._paths: dict[str, Path] = {}

    def again(self, photo: Photo) -> str:
        """Return a note if a file with the bytes of this photo came before; else remember it, and return no text."""
        first = self._paths.get(photo.file_sha)
        if first is None:
            self._paths[photo.file_sha] = photo.path
            return ""
        if first.resolve() == photo.path.resolve():
            return f"{named(photo.path)} was given twice; one is kept"
        return f"{named(photo.path)} has the same bytes as {named(first)}; one is kept"


def read_usable(
    door: PictureDoor,
    pairs: Sequence[tuple[Path, Path | None]],
    find: Finder,
    progress: Progress,
    leave_out: Callable[[Path, str], None],
) -> Iterator[NewImage]:
    """Yield the image of each usable photo. `leave_out` is called with each photo or mask that cannot be used, and why.

    The subject of a photo whose mask cannot be used is found as if it had none.
    """
    known = NearDuplicates()
    with progress("Finding the subject", total=len(pairs)) as advance:
        for path, mask in pairs:
            try:
                photo = door.photo(path)
                found = _usable_mask(door, photo, mask, find, leave_out)
                yield _new_image(photo, found, known.warnings(photo), keep_original=False)
            except (ImageRefused, MaskRefused) as error:
                leave_out(path, error.cause)
            advance()


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


def _new_image(photo: Photo, found: FoundMask, near: tuple[str, ...], keep_original: bool) -> NewImage:
    return NewImage(
        data=encode_png(photo.image),
        mask=None if found.mask is None else encode_png(found.mask),
        width=photo.image.width,
        height=photo.image.height,
        source_name=photo.path.name,
        warnings=(*photo.warnings, *near, *found.warnings, *blur_warnings(photo.image, found.mask)),
        original=_original(photo) if keep_original else None,
    )


def _original(photo: Photo) -> bytes:
    """Return the bytes of the photo's file. Raises ImageRefused if the file changed since it was opened."""
    content = read_file(photo.path)
    if sha256(content) != photo.file_sha:
        raise refused(photo.path, "changed while it was being added", "Give the command again.")
    return content
