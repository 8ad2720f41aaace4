"""Colours as they are opened: eight bits, transparency on white, sRGB."""

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from lambda_studio.pictures.files.opening import open_photo
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


INPUTS = Path(__file__).parents[5] / ".." / "shared" / "inputs"


@pytest.mark.parametrize(
    ("name", "mean"),
    [
        ("srgb_linear.png", (188, 136, 134)),  # a profile named sRGB with a linear curve
        ("gama_linear.png", (188, 136, 134)),
        ("chrm_adobe.png", (154, 67, 64)),
        ("dcf_adobe.jpg", (154, 67, 64)),
        ("cicp_p3.png", (146, 46, 57)),
    ],
)
def test_colours_are_read_as_the_file_states_them(name, mean):
    photo = open_photo(INPUTS / name)
    assert np.abs(pixels(photo.image).mean(axis=(0, 1)) - mean).max() < 3
    assert photo.warnings == ()


def with_chunks(path: Path, *chunks: bytes) -> Path:
    """A PNG of the pattern with chunks after its header."""
    content = written(path, pattern()).read_bytes()
    path.write_bytes(content[:33] + b"".join(chunks) + content[33:])
    return path


GAMMA_OF_SRGB = png_chunk(b"gAMA", struct.pack(">I", 45455))
LINEAR = png_chunk(b"gAMA", struct.pack(">I", 100_000))


@pytest.mark.parametrize(
    "chunks",
    [
        (GAMMA_OF_SRGB,),
        (png_chunk(b"sRGB", b"\0"), LINEAR),
        (png_chunk(b"cICP", bytes([1, 13, 0, 1])), LINEAR[:0]),
    ],
    ids=["gAMA of sRGB", "sRGB before gAMA", "cICP of sRGB"],
)
def test_a_png_that_states_srgb_keeps_its_pixels(tmp_path, chunks):
    photo = open_photo(with_chunks(tmp_path / "a.png", *chunks))
    assert np.array_equal(pixels(photo.image), pixels(pattern())) and photo.warnings == ()


@pytest.mark.parametrize(
    "chunk",
    [
        png_chunk(b"gAMA", struct.pack(">I", 1)),
        png_chunk(b"cICP", bytes([12, 16, 0, 1])),
        png_chunk(b"cICP", bytes([77, 13, 0, 1])),
        png_chunk(b"cHRM", struct.pack(">8I", *[31270, 32900, *[30000] * 6])),
    ],
    ids=["gAMA", "PQ", "primaries", "one colour"],
)
def test_numbers_that_state_no_usable_colours_are_ignored_and_said(tmp_path, chunk):
    photo = open_photo(with_chunks(tmp_path / "a.png", chunk))
    assert np.array_equal(pixels(photo.image), pixels(pattern()))
    assert photo.warnings == ("its colour profile cannot be used and was ignored",)


def test_twelve_bits_of_grey_in_sixteen_are_not_black():
    assert 90 < pixels(open_photo(INPUTS / "grey12in16.png").image).mean() < 95


def test_a_white_logo_is_placed_on_grey_and_that_is_said():
    photo = open_photo(INPUTS / "white_logo.png")
    assert photo.warnings == ("it is as white as the background on which subjects are placed, and may not be seen",)
    assert photo.alpha is not None and np.ptp(pixels(photo.image)) == 127


def test_an_srgb_profile_leaves_the_pixels_as_they_are(tmp_path):
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    photo = open_photo(written(tmp_path / "a.png", pattern(), icc_profile=srgb))
    assert np.array_equal(pixels(photo.image), pixels(pattern()))


def test_a_profile_that_cannot_be_used_is_ignored_and_said(tmp_path):
    photo = open_photo(written(tmp_path / "a.png", pattern(), icc_profile=b"no profile at all"))
    assert photo.warnings == ("its colour profile cannot be used and was ignored",)
    assert np.array_equal(pixels(photo.image), pixels(pattern()))
