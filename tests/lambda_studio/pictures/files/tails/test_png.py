"""A PNG without its end chunk has all of its pixels; a PNG with a damaged one is refused."""

import numpy as np
import pytest
from PIL import Image

from lambda_studio.errors import ImageRefused
from lambda_studio.pictures.files.opening import SHORT, open_photo
from lambda_studio.pictures.files.tails.png import END, with_end
from tests.lambda_studio.pictures.pattern import pattern, pixels, written


@pytest.mark.parametrize("less", range(1, 13))
def test_a_png_without_its_end_is_taken_and_that_is_said(tmp_path, less) -> None:
    path = written(tmp_path / "a.png", pattern())
    path.write_bytes(path.read_bytes()[:-less])
    photo = open_photo(path)
    assert photo.warnings == (SHORT,)
    assert np.array_equal(pixels(photo.image), pixels(pattern()))


@pytest.mark.parametrize("less", [13, 16, 20, 40])
def test_a_png_without_its_last_pixels_is_refused(tmp_path, less) -> None:
    path = written(tmp_path / "a.png", pattern())
    path.write_bytes(path.read_bytes()[:-less])
    with pytest.raises(ImageRefused):
        open_photo(path)


def test_a_png_that_stops_between_two_chunks_of_pixels_is_refused(tmp_path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (300, 300, 3), dtype=np.uint8)
    path = written(tmp_path / "a.png", Image.fromarray(noise))
    content = path.read_bytes()
    second = content.find(b"IDAT", content.find(b"IDAT") + 4)
    assert second > 0
    path.write_bytes(content[: second - 4])
    with pytest.raises(ImageRefused):
        open_photo(path)


def test_whole_files_damaged_ends_and_other_files_stay_as_they_are(tmp_path) -> None:
    content = written(tmp_path / "a.png", pattern()).read_bytes()
    for each in (content, content + b"more", content[:-1] + b"\0", content[:-4] + bytes(4), b"\xff\xd8" + END[:4]):
        assert with_end(each) is each
