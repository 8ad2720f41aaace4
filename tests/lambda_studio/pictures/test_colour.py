"""Colours as they are opened: eight bits, transparency on white, sRGB."""

import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms

from lambda_studio.pictures.opening import open_photo
from tests.lambda_studio.pictures.pattern import HEIGHT, WIDTH, pattern, pixels, written


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def test_sixteen_bits_are_scaled_and_not_clipped(tmp_path):
    grey = np.linspace(0, 65535, WIDTH * HEIGHT).astype(np.uint16).reshape(HEIGHT, WIDTH)
    photo = open_photo(written(tmp_path / "a.png", Image.fromarray(grey)))
    assert np.array_equal(pixels(photo.image)[..., 0], grey >> 8)


def test_grey_with_alpha_is_composited_on_white(tmp_path):
    image = pattern().convert("L")
    image.putalpha(Image.linear_gradient("L").resize(image.size).point(lambda value: 255 * (value > 127)))
    photo = open_photo(written(tmp_path / "a.png", image))
    assert (pixels(photo.image)[0] == 255).all()
    assert np.array_equal(pixels(photo.image)[-1, :, 0], pixels(pattern().convert("L"))[-1])


def test_a_palette_with_transparency_is_composited_on_white(tmp_path):
    image = pattern().quantize(16)
    clear = int(np.asarray(image)[0, 0])
    photo = open_photo(written(tmp_path / "a.png", image, transparency=clear))
    expected = pixels(image.convert("RGB"))
    expected[np.asarray(image) == clear] = 255
    assert np.array_equal(pixels(photo.image), expected)
    assert np.array_equal(pixels(photo.alpha), np.where(np.asarray(image) == clear, 0, 255))


@pytest.mark.parametrize("depth", [2, 4, 8])
def test_a_transparent_grey_is_found_in_few_bits(tmp_path, depth):
    top = 2**depth - 1
    samples = np.random.default_rng(depth).integers(0, top + 1, (40, 48))
    bits = np.unpackbits(samples.astype(np.uint8)[..., None], axis=-1)[..., 8 - depth :].reshape(40, -1)
    rows = b"".join(b"\0" + row.tobytes() for row in np.packbits(bits, axis=-1))
    clear = png_chunk(b"tRNS", struct.pack(">H", 256 + 2))  # only the lowest bits count
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", 48, 40, depth, 0, 0, 0, 0))
    content = b"\x89PNG\r\n\x1a\n" + header + clear + png_chunk(b"IDAT", zlib.compress(rows)) + png_chunk(b"IEND", b"")
    (tmp_path / "a.png").write_bytes(content)
    photo = open_photo(tmp_path / "a.png")
    expected = np.where(samples == 2, 255, samples * 255 // top)
    assert np.array_equal(pixels(photo.image), np.repeat(expected[..., None], 3, axis=-1))
    assert photo.alpha is not None
    assert np.array_equal(pixels(photo.alpha) == 0, samples == 2)


def test_a_transparent_colour_of_sixteen_bits_is_found(tmp_path):
    samples = np.random.default_rng(0).integers(0, 65536, (40, 48, 3)).astype(">u2")
    rows = b"".join(b"\0" + row.tobytes() for row in samples)
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", 48, 40, 16, 2, 0, 0, 0))
    clear = png_chunk(b"tRNS", samples[3, 5].tobytes())
    content = b"\x89PNG\r\n\x1a\n" + header + clear + png_chunk(b"IDAT", zlib.compress(rows)) + png_chunk(b"IEND", b"")
    (tmp_path / "a.png").write_bytes(content)
    alpha = open_photo(tmp_path / "a.png").alpha
    assert alpha is not None
    assert np.argwhere(pixels(alpha) == 0).tolist() == [[3, 5]]


def test_cmyk_becomes_rgb(tmp_path):
    photo = open_photo(written(tmp_path / "a.jpg", pattern().convert("CMYK"), quality=95))
    assert photo.image.mode == "RGB"
    assert np.abs(pixels(photo.image) - pixels(pattern())).mean() < 6


def wide_gamut_profile() -> bytes:
    """An RGB profile other than sRGB: sRGB's own, with its tone curves made linear (an identity `curv`)."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    for entry in range(struct.unpack(">I", profile[128:132])[0]):
        tag, offset, size = struct.unpack(">4sII", profile[132 + 12 * entry : 144 + 12 * entry])
        if tag in (b"rTRC", b"gTRC", b"bTRC"):
            profile[offset : offset + size] = (b"curv" + bytes(8)).ljust(size, b"\0")
        if tag == b"desc":
            named = profile[offset : offset + size].replace("sRGB".encode("utf-16-be"), "Wide".encode("utf-16-be"))
            profile[offset : offset + size] = named
    return bytes(profile)


def test_a_colour_profile_is_applied(tmp_path):
    photo = open_photo(written(tmp_path / "a.png", pattern(), icc_profile=wide_gamut_profile()))
    linear = pixels(pattern()) / 255
    encoded = 255 * np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    assert photo.warnings == ()
    assert np.abs(pixels(photo.image) - encoded).max() < 3


def test_an_srgb_profile_leaves_the_pixels_as_they_are(tmp_path):
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    photo = open_photo(written(tmp_path / "a.png", pattern(), icc_profile=srgb))
    assert np.array_equal(pixels(photo.image), pixels(pattern()))


def test_a_profile_that_cannot_be_used_is_ignored_and_said(tmp_path):
    photo = open_photo(written(tmp_path / "a.png", pattern(), icc_profile=b"no profile at all"))
    assert photo.warnings == ("its colour profile cannot be used and was ignored",)
    assert np.array_equal(pixels(photo.image), pixels(pattern()))
