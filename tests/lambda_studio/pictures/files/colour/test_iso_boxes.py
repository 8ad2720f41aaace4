"""The colours that a HEIC or AVIF file states by numbers, for its main picture."""

import io

import numpy as np
import pillow_heif
import pytest
from PIL import Image

from lambda_studio.pictures.files.colour.iso_boxes import nclx
from lambda_studio.pictures.files.opening import open_photo
from tests.lambda_studio.pictures.files.colour.test_conversion import INPUTS
from tests.lambda_studio.pictures.pattern import pattern, pixels

pillow_heif.register_heif_opener()
HALF_RED = Image.new("RGB", (64, 48), (143, 70, 69))


def encoded(kind: str, image: Image.Image = HALF_RED, **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, quality=90, **options)
    return buffer.getvalue()


def stating(content: bytes, primaries: int, curve: int) -> bytes:
    """The same file with other code points."""
    assert content.count(b"colrnclx") == 1
    at = content.index(b"colrnclx") + 8
    return content[:at] + primaries.to_bytes(2, "big") + curve.to_bytes(2, "big") + content[at + 4 :]


@pytest.mark.parametrize("kind", ["AVIF", "HEIF"])
def test_code_points_are_read(kind) -> None:
    assert nclx(encoded(kind)) == (1, 13)
    assert nclx(stating(encoded(kind), 12, 16)) == (12, 16)


def test_those_of_a_picture_in_tiles_are_read_too() -> None:
    assert nclx(encoded("HEIF", pattern(600, 500), tile_size=256)) == (1, 13)


def test_a_file_without_boxes_states_nothing_and_broken_boxes_are_an_error() -> None:
    assert nclx(b"") is None
    assert nclx(b"\0\0\0\x18ftypheic" + bytes(12)) is None
    content = bytearray(encoded("AVIF"))
    at = content.index(b"ipma")
    content[at + 8 :] = content[at + 8 : at + 13]
    with pytest.raises(ValueError, match="cannot be read"):
        nclx(bytes(content))


@pytest.mark.parametrize("suffix", [".avif", ".heic"])
def test_display_p3_by_numbers_becomes_srgb(tmp_path, suffix) -> None:
    kind = {".avif": "AVIF", ".heic": "HEIF"}[suffix]
    image = HALF_RED.copy()
    image.paste((120, 60, 60), (0, 0, 8, 8))
    (tmp_path / f"a{suffix}").write_bytes(stating(encoded(kind, image), 12, 13))
    photo = open_photo(tmp_path / f"a{suffix}")
    assert photo.warnings == ()
    assert np.abs(pixels(photo.image)[-20:].mean(axis=(0, 1)) - (154, 67, 66)).max() < 4
    assert np.abs(pixels(photo.image)[-20:].mean(axis=(0, 1)) - (143, 70, 69)).max() > 8


@pytest.mark.parametrize("name", ["a.avif", "a.heic", "a.tif"])
def test_a_profile_is_applied_and_outweighs_the_numbers(tmp_path, name) -> None:
    with Image.open(INPUTS / "srgb_linear.png") as image:
        profile, linear = image.info["icc_profile"], image.convert("RGB").resize((64, 48))
        linear.save(tmp_path / name, icc_profile=profile, quality=95)
    photo = open_photo(tmp_path / name)
    assert photo.warnings == ()
    assert np.abs(pixels(photo.image).mean(axis=(0, 1)) - (188, 136, 134)).max() < 4


def test_a_picture_of_high_dynamic_range_is_taken_and_said(tmp_path) -> None:
    (tmp_path / "a.avif").write_bytes(stating(encoded("AVIF", pattern()), 9, 16))
    assert open_photo(tmp_path / "a.avif").warnings == ("its colour profile cannot be used and was ignored",)
