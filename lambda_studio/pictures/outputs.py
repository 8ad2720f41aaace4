"""Write pictures and folders for users, under numbered names. Nothing is overwritten."""

import io
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from itertools import count
from pathlib import Path

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from concepts.durable import make_folder, staged_file
from lambda_studio.errors import InvalidSetting, OutputExists

_LONGEST_STEM = 60


def write_picture(image: Image.Image, texts: Mapping[str, str], out: Path, title: str) -> Path:
    """Write a PNG with `texts` in its text chunks, under the first free name, and return its path.

    The write is atomic and durable.

    Args:
        image: The picture.
        texts: The keys and texts of the text chunks.
        out: A folder, or a path that ends in .png. A number is added to the path if the path exists.
        title: The source of the picture's name if `out` is a folder.
    """
    make_room(out)
    names = _file_names(out) if _names_a_file(out) else _folder_names(out, slug(title))
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


def make_room(out: Path) -> None:
    """Make the folder that `write_picture` writes into.

    Raises:
        OutputExists: A file has the folder's name.
        InvalidSetting: `out` names a picture of another format.
    """
    remedy = "Give a folder, or a name that ends in .png."
    if out.suffix.lower() in Image.registered_extensions() and not _names_a_file(out) and not out.is_dir():
        raise InvalidSetting(f"{out} names a picture that is not a PNG.", remedy)
    folder = out.parent if _names_a_file(out) else out
    try:
        make_folder(folder)
    except (FileExistsError, NotADirectoryError) as error:
        raise OutputExists(f"{folder} is not a folder.", remedy) from error


def slug(title: str) -> str:
    """Return at most 60 letters, digits and dashes: `a <rex> on the beach` -> `a-rex-on-the-beach`."""
    words = re.findall(r"[^\W_]+", title.casefold())
    return "-".join(words)[:_LONGEST_STEM].strip("-") or "picture"


def new_folder(wanted: Path | None, default: str) -> Path:
    """Make and return the empty folder `wanted`, or `default`, `default-2`, … in the current folder.

    Raises OutputExists if `wanted` is not empty.
    """
    if wanted is not None:
        make_room(wanted)
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
    numbers = (re.fullmatch(rf"{re.escape(stem)}-(\d+)", path.stem) for path in folder.glob(f"{stem}-*.png"))
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
