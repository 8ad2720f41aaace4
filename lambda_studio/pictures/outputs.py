"""Write pictures and folders for users, under numbered names. Nothing is overwritten."""

import errno
import io
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from glob import escape
from itertools import count
from pathlib import Path

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from concepts.durable import make_folder, staged_file
from lambda_studio.errors import InvalidSetting, OutputExists

_LONGEST_STEM = 60
PLACES = "Give a folder, or a name that ends in .png."


def write_picture(image: Image.Image, texts: Mapping[str, str], out: Path, title: str, several: bool = False) -> Path:
    """Write a PNG with `texts` in its text chunks, under the first free name, and return its path.

    The write is atomic and durable.

    Args:
        image: The picture.
        texts: The keys and texts of the text chunks.
        out: A folder, or a path that ends in .png. A number is added to the path if the path exists.
        title: The source of the picture's name if `out` is a folder.
        several: The picture is one of several at `out`. Their names are numbered from the first, so that they sort.
    """
    require_place(out)
    _make_room(out)
    if not _names_a_file(out):
        names = _folder_names(out, slug(title))
    else:
        names = _folder_names(out.parent, out.stem) if several else _file_names(out)
    return _write_first_free(names, _png(image, texts))


def rewrite_picture(path: Path, image: Image.Image, texts: Mapping[str, str]) -> None:
    """Replace a file that this process has just written, by the same picture with other texts. Atomic and durable."""
    with staged_file(path, replace=True) as staged:
        staged.write_bytes(_png(image, texts))


def _png(image: Image.Image, texts: Mapping[str, str]) -> bytes:
    chunks = PngInfo()
    for key, text in texts.items():
        chunks.add_itxt(key, text)
    buffer = io.BytesIO()
    image.save(buffer, "PNG", pnginfo=chunks)
    return buffer.getvalue()


def require_place(out: Path) -> None:
    """Check that `write_picture` can write into `out`. Nothing is made, so that a refused command leaves nothing.

    Raises:
        OutputExists: A file has the name of the folder, or of one around it.
        InvalidSetting: `out` names a picture of another format.
        PermissionError: The folder, or the nearest one around it that is there, cannot be written into.
    """
    may_name_a_picture = out.suffix and not _names_a_file(out) and not out.is_dir()
    if may_name_a_picture and out.suffix.lower() in Image.registered_extensions():  # which imports every format
        raise InvalidSetting(f"{out} names a picture that is not a PNG.", PLACES)
    folder = _folder(out)
    there = next(each for each in (folder, *folder.absolute().parents) if os.path.lexists(each))
    if not there.is_dir():
        raise OutputExists(f"{there} is not a folder.", PLACES)
    if not os.access(there, os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(there))


def require_sheet(out: Path) -> None:
    """Check a sheet's name, as `require_place`. A sheet is one file, so a name that is no PNG's is no new folder.

    Raises InvalidSetting, and as `require_place`.
    """
    require_place(out)
    if not _names_a_file(out) and not out.is_dir():
        raise InvalidSetting(f"{out} does not name a PNG.", "Give a name that ends in .png, or a folder that is there.")


def sheet_beside(out: Path) -> Path:
    """Return where the sheet of pictures at `out` is written."""
    return beside(out, "sheet")


def beside(out: Path, what: str) -> Path:
    """Return where `what` belongs to pictures at `out`: in their folder, else under their name and `-what`."""
    return out.with_stem(f"{out.stem}-{what}") if _names_a_file(out) else out


def _make_room(out: Path) -> None:
    """Make the folder that `write_picture` writes into. Raises OutputExists if a file has its name."""
    folder = _folder(out)
    try:
        make_folder(folder)
    except (FileExistsError, NotADirectoryError) as error:
        raise OutputExists(f"{folder} is not a folder.", PLACES) from error


def _folder(out: Path) -> Path:
    return out.parent if _names_a_file(out) else out


def slug(title: str) -> str:
    """Return at most 60 letters, digits and dashes: `a <rex> on the beach` -> `a-rex-on-the-beach`."""
    words = re.findall(r"[^\W_]+", title.casefold())
    return "-".join(words)[:_LONGEST_STEM].strip("-") or "picture"


def new_folder(wanted: Path | None, default: str) -> Path:
    """Make and return the empty folder `wanted`, or `default`, `default-2`, … in the current folder.

    Raises OutputExists if `wanted` is not empty.
    """
    if wanted is not None:
        require_place(wanted)
        _make_room(wanted)
        if any(wanted.iterdir()):
            raise OutputExists(f"{wanted} is not empty.", "Give a folder that is new or empty.")
        return wanted
    for number in count(1):
        folder = Path(default if number == 1 else f"{default}-{number}")
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            continue
        return folder
    raise AssertionError("unreachable: numbers do not end")


def _names_a_file(out: Path) -> bool:
    return out.suffix.lower() == ".png" and not out.is_dir()


def _folder_names(folder: Path, stem: str) -> Iterator[Path]:
    numbers = (re.fullmatch(rf"{re.escape(stem)}-(\d+)", path.stem) for path in folder.glob(f"{escape(stem)}-*.png"))
    taken = max((int(match[1]) for match in numbers if match), default=0)
    return (folder / f"{stem}-{number:04d}.png" for number in count(taken + 1))


def _file_names(path: Path) -> Iterator[Path]:
    yield path
    yield from (path.with_stem(f"{path.stem}-{number}") for number in count(2))


def _write_first_free(paths: Iterator[Path], data: bytes) -> Path:
    for path in (each for each in paths if not os.path.lexists(each)):
        with suppress(FileExistsError):  # another process wrote this name first
            with staged_file(path) as staged:
                staged.write_bytes(data)
            return path
    raise AssertionError("unreachable: numbers do not end")
