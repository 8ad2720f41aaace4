"""Pictures as PNG bytes, and nothing else."""

import io

import numpy as np
import pytest
from PIL import Image

from lambda_studio.errors import ImageRefused
from lambda_studio.pictures.files.png import decode_png, encode_png, sha256, without_metadata
from tests.lambda_studio.pictures.pattern import pattern, pixels


def test_png_bytes_round_trip_and_have_a_name():
    data = encode_png(pattern())
    assert np.array_equal(pixels(decode_png(data)), pixels(pattern()))
    assert encode_png(decode_png(data)) == data
    assert sha256(b"abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_bytes_that_are_no_png_are_refused():
    jpeg = io.BytesIO()
    pattern().save(jpeg, "JPEG")
    for data in (b"", encode_png(pattern())[:100], jpeg.getvalue()):
        with pytest.raises(ImageRefused, match=f"A stored picture of {len(data)} bytes cannot be read"):
            decode_png(data)


def test_png_bytes_hold_nothing_but_pixels():
    image = pattern()
    image.info = {"icc_profile": b"profile", "comment": "at home"}
    with Image.open(io.BytesIO(encode_png(image))) as stored:
        assert stored.info == {} and np.array_equal(pixels(stored), pixels(pattern()))
    assert without_metadata(image).info == {} and image.info, "a copy"
