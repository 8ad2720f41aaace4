"""A screenshot is told by its name or by what it says of itself, and nothing else is."""

from pathlib import Path

import pytest
from PIL import Image

from lambda_studio.pictures.files.opening import open_photo
from lambda_studio.pictures.files.screenshots import NOTE
from tests.lambda_studio.pictures.pattern import pattern

USER_COMMENT = 0x9286


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


def test_damaged_exif_is_no_screenshot_and_no_fault(tmp_path) -> None:
    path = tmp_path / "a.jpg"
    pattern().save(path, exif=b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x87\x69\0\x04\0\0\0\x01\xff\xff\xff\0")
    assert open_photo(path).warnings == ()
