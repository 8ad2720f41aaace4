"""Files are checked without being decoded, and refused for the reason that opening them would give."""

import numpy as np
import pytest
from PIL import Image

from lambda_studio.errors import ImageRefused
from lambda_studio.pictures.files import opening
from lambda_studio.pictures.files.checking import check_picture
from lambda_studio.pictures.files.opening import open_photo
from tests.lambda_studio.pictures.pattern import pattern, written


def refusal(check, path) -> str | None:
    try:
        check(path)
    except ImageRefused as error:
        return error.cause
    return None


def noise(side: int = 200) -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 255, (side, side, 3), dtype=np.uint8))


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "heic", "avif", "bmp"])
def test_a_picture_that_is_cut_off_is_refused_as_when_it_is_opened(tmp_path, suffix) -> None:
    path = written(tmp_path / f"a.{suffix}", noise())
    assert refusal(check_picture, path) is None
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert refusal(check_picture, path) == refusal(open_photo, path) is not None
    if suffix in ("png", "jpg"):
        for check in (check_picture, open_photo):
            with pytest.raises(
                ImageRefused, match=r"it is cut off: its last part is missing\. Give another copy of the"
            ):
                check(path)


def test_headers_and_checksums_are_checked(tmp_path) -> None:
    small, damaged = written(tmp_path / "s.png", noise(20)), written(tmp_path / "d.png", noise())
    content = bytearray(damaged.read_bytes())
    content[len(content) // 2] ^= 0xFF
    damaged.write_bytes(content)
    for path in (small, damaged, tmp_path / "gone.png"):
        assert refusal(check_picture, path) == refusal(open_photo, path) is not None


def test_a_jpeg_that_lacks_nothing_that_is_seen_is_taken(tmp_path) -> None:
    path = written(tmp_path / "a.jpg", pattern(200, 200))
    path.write_bytes(path.read_bytes()[:-2])
    assert refusal(check_picture, path) is refusal(open_photo, path) is None


def test_a_whole_picture_is_not_decoded_and_a_mask_of_one_colour_is_no_fault(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(opening, "_decode", None)
    for name in ("a.png", "a.jpg", "a.heic", "a.webp"):
        assert refusal(check_picture, written(tmp_path / name, noise())) is None
    assert refusal(check_picture, written(tmp_path / "white.png", Image.new("L", (64, 64), 255))) is None
