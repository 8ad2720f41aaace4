"""Pictures and folders that are written for a person: numbered, told what they are, never over something."""

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
    """Write a PNG that carries `texts` in its text chunks, under the first free name, and return its path.

    The picture is durable and whole under its name, or not there.

    `out` is a folder (the name is then made from `title` and a number), or a path that ends in .png (used as it is
    where it is free, and with a number where it is not).
    """
    chunks = PngInfo()
    for key, text in texts.items():
        chunks.add_itxt(key, text)
    buffer = io.BytesIO()
    image.save(buffer, "PNG", pnginfo=chunks)
    make_room(out)
    names = _file_names(out) if _names_a_file(out) else _folder_names(out, slug(title))
    return _write_first_free(names, buffer.getvalue())


def make_room(out: Path) -> None:
    """Make the folder that `write_picture` writes into.

    Raises OutputExists where a file is in its place, and InvalidSetting where `out` names a picture of another kind.
    """
    remedy = "Give a folder, or a name that ends in .png."
    if out.suffix.lower() in Image.registered_extensions() and not _names_a_file(out) and not out.is_dir():
        raise InvalidSetting(f"{out} names a picture that is no PNG.", remedy)
    folder = out.parent if _names_a_file(out) else out
    try:
        make_folder(folder)
    except (FileExistsError, NotADirectoryError) as error:
        raise OutputExists(f"{folder} is not a folder.", remedy) from error


def slug(title: str) -> str:
    """Letters, digits and dashes, at most 60: `a <rex> on the beach` -> `a-rex-on-the-beach`."""
    words = re.findall(r"[^\W_]+", title.casefold())
    return "-".join(words)[:_LONGEST_STEM].strip("-") or "picture"


def new_folder(wanted: Path | None, default: str) -> Path:
    """Make the folder `wanted`, or `default`, `default-2`, … under the current one. It is empty when it is given back.

    Raises OutputExists where `wanted` holds something.
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
        with suppress(FileExistsError):  # another process was faster
            with staged_file(path) as staged:
                staged.write_bytes(data)
            return path
    raise AssertionError("unreachable: numbers do not end")
