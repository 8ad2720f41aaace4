"""Files of a million parts are refused at once; those of people are not."""

import io
import time

import pytest
from PIL import Image

from lambda_studio.errors import ImageRefused
from lambda_studio.pictures.files.containers import JPEG, MAX_PARTS, PNG, count_parts
from lambda_studio.pictures.files.opening import open_photo
from tests.lambda_studio.pictures.files.test_opening import png_chunk
from tests.lambda_studio.pictures.pattern import pattern

MILLION = 1_000_000


def encoded(kind: str) -> bytes:
    buffer = io.BytesIO()
    pattern().save(buffer, kind)
    return buffer.getvalue()


def test_parts_are_counted() -> None:
    png, jpeg = encoded("PNG"), encoded("JPEG")
    assert count_parts(png) == 3  # IHDR, IDAT, IEND
    comments = b"\xff\xfe\0\3x" * 5
    assert count_parts(jpeg[:2] + comments + jpeg[2:]) == count_parts(jpeg) + 5
    assert count_parts(encoded("WEBP")) == 0
    assert 0 < count_parts(PNG + b"\0") <= 1 and count_parts(JPEG) == 0


@pytest.mark.parametrize("name", ["a.png", "a.jpg"])
def test_a_million_tiny_parts_are_refused_within_a_second(tmp_path, name: str) -> None:
    png, jpeg = encoded("PNG"), encoded("JPEG")
    tiny = {"a.png": png[:33] + png_chunk(b"tEXt", b"a\0b") * MILLION + png[33:]}
    tiny["a.jpg"] = jpeg[:2] + b"\xff\xfe\0\3x" * MILLION + jpeg[2:]
    (tmp_path / name).write_bytes(tiny[name])
    begun = time.process_time()
    with pytest.raises(ImageRefused, match=f"has more than {MAX_PARTS:,} parts"):
        open_photo(tmp_path / name)
    assert time.process_time() - begun < 1


def test_a_header_that_claims_more_than_its_data_can_hold_is_refused(tmp_path) -> None:
    jpeg = bytearray(encoded("JPEG"))
    size = jpeg.index(b"\xff\xc0") + 5
    jpeg[size : size + 4] = (7999).to_bytes(2, "big") * 2
    (tmp_path / "a.jpg").write_bytes(jpeg)
    with pytest.raises(ImageRefused, match=r"bytes, too few for 7999 x 7999 pixels"):
        open_photo(tmp_path / "a.jpg")


def test_a_large_flat_jpeg_is_taken_at_its_smallest(tmp_path) -> None:
    image = Image.new("RGB", (4000, 4000), "white")
    image.paste("black", (0, 0, 2000, 2000))
    image.save(tmp_path / "a.jpg", quality=1, optimize=True, progressive=True)
    assert open_photo(tmp_path / "a.jpg").image.size == (1536, 1536)
