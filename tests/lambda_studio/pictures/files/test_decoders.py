"""One decoder for each format; those that few pictures need come with the first of them."""

import subprocess
import sys

import pytest
from PIL import Image

from lambda_studio.pictures.door import PictureDoor
from lambda_studio.pictures.files.decoders import open_image
from tests.lambda_studio.pictures.pattern import HEIGHT, WIDTH, pattern, written


def run(code: str, *words: str) -> str:
    return subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=True).stdout


def test_formats_are_there_before_the_first_picture() -> None:
    code = "import lambda_studio.pictures.files.opening, PIL.Image as image; print(*sorted(image.OPEN))"
    assert {"JPEG", "PNG", "WEBP"} <= {*run(code).split()}


def test_heic_and_its_like_are_decoded_only_in_the_process_that_opens_pictures(tmp_path) -> None:
    import pillow_heif

    pillow_heif.register_heif_opener()
    for name in ("a.heic", "a.avif", "a.tif", "a.bmp"):
        written(tmp_path / name, pattern())
    code = """
import sys
from pathlib import Path
from lambda_studio.pictures.door import PictureDoor
with PictureDoor() as door:
    for name in ("a.heic", "a.avif", "a.tif", "a.bmp"):
        print(*door.photo(Path(sys.argv[1]) / name).image.size)
print(*sorted({"pillow_heif", "_pillow_heif", "PIL.AvifImagePlugin", "PIL.TiffImagePlugin"} & sys.modules.keys()))
"""
    assert run(code, str(tmp_path)) == 4 * f"{WIDTH} {HEIGHT}\n" + "\n"


@pytest.mark.slow
def test_a_heic_photo_of_48_megapixels_is_within_the_limits(tmp_path) -> None:
    import pillow_heif

    pillow_heif.register_heif_opener()
    path = tmp_path / "large.heic"
    pattern(504, 378).resize((8064, 6048)).save(path, quality=30, tile_size=2048)  # in tiles, as phones write it
    with PictureDoor() as door:
        assert door.photo(path).image.size == (1536, 1152)


def test_a_file_of_no_known_format_is_not_tried_with_any_decoder() -> None:
    with pytest.raises(Image.UnidentifiedImageError, match="no known format"):
        open_image(b"GIF89a")
