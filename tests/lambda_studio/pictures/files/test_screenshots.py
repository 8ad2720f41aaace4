"""A screenshot is told by its name, by what it says of itself, or as a PNG of a screen's size; nothing else is."""

from pathlib import Path

import pytest
from PIL import Image

from lambda_studio.pictures.files.opening import open_photo
from lambda_studio.pictures.files.screenshots import LIKELY, NOTE
from tests.lambda_studio.pictures.pattern import pattern

USER_COMMENT, MAKE = 0x9286, 0x010F


def notes(path: Path, comment: bytes | str | None = None) -> tuple[str, ...]:
    exif = Image.Exif()
    if comment is not None:
        exif.get_ifd(0x8769)[USER_COMMENT] = comment
    pattern().save(path, exif=exif.tobytes())
    return open_photo(path).warnings


@pytest.mark.parametrize("name", ["IMG_0201.PNG", "IMG_0201.JPG"])
def test_an_iphones_screenshot_says_what_it_is(tmp_path, name) -> None:
    assert notes(tmp_path / name, b"ASCII\0\0\0Screenshot") == (NOTE,)
    assert notes(tmp_path / name, b"ASCII\0\0\0at home") == notes(tmp_path / name) == ()


@pytest.mark.parametrize(
    ("name", "is_one"),
    [
        ("Screenshot_20240311-142233.png", True),
        ("Screenshot 2024-03-11 at 14.22.33.png", True),
        ("Screenshot (3).png", True),
        ("screen-shot.png", True),
        ("Bildschirmfoto 2024-03-11.png", True),
        ("Screenshots.png", False),
        ("my screenshot.png", False),
        ("screen.png", False),
    ],
)
def test_a_screenshot_is_known_by_its_name(tmp_path, name, is_one) -> None:
    assert notes(tmp_path / name) == ((NOTE,) if is_one else ())


@pytest.mark.parametrize(
    ("name", "size", "note"),
    [
        ("9f3c.png", (1170, 2532), LIKELY),
        ("9f3c.png", (2732, 2048), LIKELY),
        ("9f3c.png", (1080, 2400), LIKELY),
        ("Screenshot_1.png", (1080, 2400), NOTE),
        ("9f3c.jpg", (1170, 2532), None),
        ("9f3c.png", (1170, 2531), None),
        ("9f3c.png", (1536, 2048), None),
    ],
)
def test_a_png_of_exactly_a_screens_size_is_probably_one(tmp_path, name, size, note) -> None:
    pattern(*size).save(tmp_path / name)
    assert open_photo(tmp_path / name).warnings == ((note,) if note else ())


def test_a_png_with_its_camera_is_a_photo_also_at_a_screens_size(tmp_path) -> None:
    exif = Image.Exif()
    exif[MAKE] = "Apple"
    pattern(1170, 2532).save(tmp_path / "a.png", exif=exif.tobytes())
    assert open_photo(tmp_path / "a.png").warnings == ()


def test_damaged_exif_is_no_screenshot_and_no_fault(tmp_path) -> None:
    path = tmp_path / "a.jpg"
    pattern().save(path, exif=b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x87\x69\0\x04\0\0\0\x01\xff\xff\xff\0")
    assert open_photo(path).warnings == ()
