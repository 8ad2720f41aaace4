"""The door for pictures: the right pixels, or a refusal that names the file and says why."""

import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pillow_heif
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms, PngImagePlugin

from lambda_studio.errors import ImageRefused
from lambda_studio.pictures.files.formats import SUFFIXES
from lambda_studio.pictures.files.opening import LONG_SIDE, open_mask, open_photo
from lambda_studio.pictures.files.png import encode_png
from tests.lambda_studio.pictures.pattern import HEIGHT, WIDTH, pattern, pixels, written

pillow_heif.register_heif_opener()
INPUTS = Path(__file__).parents[4] / ".." / "shared" / "inputs"


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_of(width: int, height: int, *chunks: bytes) -> bytes:
    """A PNG that claims a size; its pixels are black rows as far as they go."""
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    rows = png_chunk(b"IDAT", zlib.compress(b"\0" * 1000))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(chunks) + rows + png_chunk(b"IEND", b"")


# Right pixels


def test_a_png_comes_back_pixel_for_pixel(tmp_path):
    photo = open_photo(written(tmp_path / "a.png", pattern()))
    assert photo.image.mode == "RGB"
    assert np.array_equal(pixels(photo.image), pixels(pattern()))
    assert photo.path == tmp_path / "a.png"
    assert (photo.alpha, photo.warnings) == (None, ())


@pytest.mark.parametrize("suffix", [".jpg", ".JPEG", ".webp", ".heic", ".avif", ".tif", ".bmp", ".png", ""])
@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "HEIF", "AVIF", "TIFF", "BMP"])
def test_each_format_opens_by_its_content_whatever_it_is_called(tmp_path, suffix, kind):
    photo = open_photo(written(tmp_path / f"a{suffix}", pattern(), format=kind, quality=95))
    assert np.abs(pixels(photo.image) - pixels(pattern())).mean() < 4
    assert len(photo.warnings) == (suffix.lower() not in (*SUFFIXES[kind], ""))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.tif", "a.webp", "a.avif", "a.heic"])
def test_exif_orientation_is_applied(tmp_path, name, orientation):
    stored_as = {
        1: None,
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }[orientation]
    stored = pattern() if stored_as is None else pattern().transpose(stored_as)
    exif = Image.Exif()
    exif[0x0112] = orientation
    photo = open_photo(written(tmp_path / name, stored, exif=exif.tobytes()))
    assert photo.image.size == (WIDTH, HEIGHT)
    assert np.abs(pixels(photo.image) - pixels(pattern())).mean() < (1e-9 if name in ("a.png", "a.tif") else 4)


@pytest.mark.parametrize("name", ["a.jpg", "a.tif", "a.heic", "a.avif"])
def test_orientation_survives_scaling_down(tmp_path, name):
    exif = Image.Exif()
    exif[0x0112] = 6
    stored = pattern(2000, 1000).transpose(Image.Transpose.ROTATE_90)
    photo = open_photo(written(tmp_path / name, stored, exif=exif.tobytes()))
    assert photo.image.size == (LONG_SIDE, 768)
    assert np.abs(pixels(photo.image) - pixels(pattern(LONG_SIDE, 768))).mean() < 3


def test_alpha_is_composited_on_white_and_kept(tmp_path):
    alpha = Image.new("L", (WIDTH, HEIGHT), 0)
    alpha.paste(255, (10, 10, 30, 30))
    image = pattern()
    image.putalpha(alpha)
    photo = open_photo(written(tmp_path / "a.png", image))
    assert photo.alpha is not None
    assert np.array_equal(pixels(photo.alpha), pixels(alpha))
    assert (pixels(photo.image)[:10] == 255).all()
    assert np.array_equal(pixels(photo.image)[10:30, 10:30], pixels(pattern())[10:30, 10:30])


def test_alpha_that_is_opaque_is_no_alpha(tmp_path):
    image = pattern()
    image.putalpha(255)
    assert open_photo(written(tmp_path / "a.png", image)).alpha is None


def test_a_png_with_a_damaged_end_is_refused(tmp_path):
    content = written(tmp_path / "a.png", pattern()).read_bytes()
    (tmp_path / "a.png").write_bytes(content[:-1] + b"x")
    assert "a.png has a damaged end" in refusal(tmp_path / "a.png").cause


def test_an_iphone_picture_of_two_frames_gives_its_first(tmp_path):
    second = Image.new("RGB", (WIDTH, HEIGHT), "red")
    path = written(tmp_path / "a.jpg", pattern(), format="MPO", save_all=True, append_images=[second], quality=95)
    photo = open_photo(path)
    assert np.abs(pixels(photo.image) - pixels(pattern())).mean() < 4


@pytest.mark.parametrize(("name", "size"), [("a.png", (1700, 1000)), ("a.jpg", (3400, 3200))])
def test_large_pictures_are_scaled_down(tmp_path, name, size):
    large = pattern(size[0] // 10, size[1] // 10).resize(size)
    photo = open_photo(written(tmp_path / name, large))
    scaled = (LONG_SIDE, round(size[1] * LONG_SIDE / size[0]))
    assert photo.image.size == scaled
    assert np.abs(pixels(photo.image) - pixels(pattern(*scaled))).mean() < 3


def test_metadata_is_dropped(tmp_path):
    text = PngImagePlugin.PngInfo()
    text.add_text("Comment", "secret place")
    exif = Image.Exif()
    exif[0x010E] = "secret place"
    photo = open_photo(written(tmp_path / "a.png", pattern(), pnginfo=text, exif=exif, dpi=(72, 72)))
    assert photo.image.info == {}
    assert len(photo.image.getexif()) == 0
    assert b"secret" not in encode_png(photo.image)


@pytest.mark.parametrize("name", ["a.jpg", "a.webp", "a.png"])
def test_nothing_that_a_file_tells_beside_its_pixels_is_in_the_working_copy_or_mask(tmp_path, name):
    exif = Image.Exif()
    exif.get_ifd(0x8825)[0x1C] = "secret place"  # GPSAreaInformation
    told = {"exif": exif.tobytes(), "icc_profile": ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()}
    image, exact = pattern(), {}
    if name == "a.jpg":
        told |= {"comment": b"secret place", "xmp": b"<x>secret place</x>"}
    else:
        image.putalpha(Image.linear_gradient("L").resize(image.size))
        exact = {"lossless": True}  # of WEBP; PNG is in any case
    if name == "a.webp":
        told |= {"xmp": b"<x>secret place</x>"}
    if name == "a.png":
        text = PngImagePlugin.PngInfo()
        text.add_itxt("XML:com.adobe.xmp", "<x>secret place</x>", zip=False)
        told |= {"pnginfo": text, "dpi": (72, 72)}
    path = written(tmp_path / name, image, **told, **exact)
    plain = written(tmp_path / f"plain{path.suffix}", image, **exact)
    assert path.read_bytes().count(b"secret place") == (3 if name == "a.jpg" else 2)
    photo, bare = open_photo(path), open_photo(plain)
    stored = {
        encode_png(photo.image): encode_png(bare.image),
        encode_png(open_mask(path).image): encode_png(open_mask(plain).image),
    }
    if photo.alpha is not None and bare.alpha is not None:
        stored[encode_png(photo.alpha)] = encode_png(bare.alpha)
    assert (photo.alpha is None) == (name == "a.jpg")
    assert [told for told, untold in stored.items() if told != untold] == []
    chunks = (b"secret", b"eXIf", b"iCCP", b"tEXt", b"iTXt", b"zTXt", b"pHYs")
    assert [chunk for chunk in chunks if chunk in b"".join(stored)] == []


# Refusals


def refusal(path) -> ImageRefused:
    with pytest.raises(ImageRefused) as caught:
        open_photo(path)
    assert str(path) in caught.value.cause
    assert caught.value.remedy
    return caught.value


def test_what_is_not_there_is_refused(tmp_path):
    assert refusal(tmp_path / "none.jpg").cause.endswith("does not exist.")


def test_a_folder_is_refused(tmp_path):
    assert refusal(tmp_path).cause.endswith("is a folder.")


def test_an_empty_file_is_refused(tmp_path):
    (tmp_path / "a.jpg").touch()
    assert refusal(tmp_path / "a.jpg").cause.endswith("is empty (0 bytes).")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_fifo_is_refused_without_waiting(tmp_path):
    os.mkfifo(tmp_path / "a.jpg")
    assert refusal(tmp_path / "a.jpg").cause.endswith("is not a regular file.")


@pytest.mark.skipif(not os.path.exists(os.devnull) or os.name == "nt", reason="devices are files on POSIX only")
def test_a_device_is_refused():
    assert refusal(Path(os.devnull)).cause.endswith("is not a regular file.")


def test_a_link_to_a_picture_is_opened(tmp_path):
    written(tmp_path / "a.png", pattern())
    (tmp_path / "b.png").symlink_to(tmp_path / "a.png")
    assert open_photo(tmp_path / "b.png").image.size == (WIDTH, HEIGHT)


@pytest.mark.parametrize("kind", ["GIF", "ICO", "EPS", "PPM"])
def test_other_formats_are_refused_whatever_they_are_called(tmp_path, kind):
    path = written(tmp_path / "a.jpg", pattern(), format=kind)
    assert refusal(path).cause.endswith("is not a JPEG, PNG, WEBP, HEIC, AVIF, TIFF or BMP picture.")


def test_text_is_refused(tmp_path):
    (tmp_path / "a.png").write_text('<svg xmlns="http://www.w3.org/2000/svg"/>', encoding="utf-8")
    assert refusal(tmp_path / "a.png").cause.endswith("is not a JPEG, PNG, WEBP, HEIC, AVIF, TIFF or BMP picture.")


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "AVIF"])
def test_animations_are_refused(tmp_path, kind):
    frames = [pattern().rotate(90 * turn) for turn in range(3)]
    path = tmp_path / f"a.{kind.lower()}"
    frames[0].save(path, format=kind, save_all=True, append_images=frames[1:], duration=100)
    assert refusal(path).cause.endswith("is animated (3 pictures).")


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.webp", "a.heic", "a.avif", "a.tif", "a.bmp"])
@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.9])
def test_truncated_files_are_refused(tmp_path, name, share):
    path = written(tmp_path / name, pattern(200, 200))
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    refusal(path)


def test_a_wrong_checksum_is_refused(tmp_path):
    path = written(tmp_path / "a.png", pattern())
    content = bytearray(path.read_bytes())
    content[-14] ^= 0xFF  # the last byte of the pixels' checksum, before the end chunk
    path.write_bytes(content)
    assert "cannot be read" in refusal(path).cause


def test_a_bomb_of_pixels_is_refused_by_its_header(tmp_path):
    (tmp_path / "a.png").write_bytes(png_of(9000, 9000))
    assert refusal(tmp_path / "a.png").cause.endswith("has 9000 x 9000 pixels, more than 36,000,000.")
    (tmp_path / "b.png").write_bytes(png_of(60_000, 60_000))
    assert "cannot be read" in refusal(tmp_path / "b.png").cause


@pytest.mark.parametrize("kind", [b"zTXt", b"iCCP"])
def test_a_bomb_in_a_text_or_profile_chunk_is_refused(tmp_path, kind):
    bomb = png_chunk(kind, b"name\0\0" + zlib.compress(b"\0" * 30_000_000))
    (tmp_path / "a.png").write_bytes(png_of(64, 64, bomb))
    assert len((tmp_path / "a.png").read_bytes()) < 100_000
    refusal(tmp_path / "a.png")


def test_tiny_pictures_and_long_strips_are_refused(tmp_path):
    assert "1 x 1 pixels, too few" in refusal(written(tmp_path / "a.png", Image.new("RGB", (1, 1)))).cause
    assert "1 x 30000 pixels, too few" in refusal(written(tmp_path / "b.png", Image.new("L", (1, 30000)))).cause
    assert "400 x 40 pixels, too long a strip" in refusal(written(tmp_path / "c.png", pattern(400, 40))).cause


def test_a_picture_of_one_colour_is_refused(tmp_path):
    assert refusal(written(tmp_path / "a.jpg", Image.new("RGB", (64, 64), "teal"))).cause.endswith(
        "has only one colour."
    )
    clear = pattern()
    clear.putalpha(0)
    assert refusal(written(tmp_path / "b.png", clear)).cause.endswith("has only one colour.")


def test_a_name_that_cannot_be_printed_is_escaped(tmp_path):
    with pytest.raises(ImageRefused) as caught:
        open_photo(tmp_path / "a\n\x1b[31m.jpg")
    assert caught.value.cause.isprintable()
    assert r"a\n\x1b[31m.jpg" in caught.value.cause


NAMES = ["a.png", "a.jpg", "a.webp", "a.heic", "a.avif", "a.tif", "a.bmp"]


@settings(max_examples=100)
@given(at=st.integers(0, 2**16), value=st.integers(0, 255), name=st.sampled_from(NAMES))
def test_a_changed_byte_gives_a_picture_or_a_refusal(tmp_path_factory, at, value, name):
    path = written(tmp_path_factory.mktemp("bytes") / name, pattern())
    content = bytearray(path.read_bytes())
    content[at % len(content)] = value
    path.write_bytes(content)
    try:
        assert open_photo(path).image.mode == "RGB"
    except ImageRefused as error:
        assert name in error.cause


def test_a_mask_file_may_be_of_one_colour_and_is_read_from_alpha_where_there_is_some(tmp_path):
    assert open_mask(written(tmp_path / "white.png", Image.new("L", (64, 64), 255))).image.getextrema() == (255, 255)
    image = pattern()
    alpha = Image.new("L", image.size, 0)
    alpha.paste(255, (10, 10, 30, 30))
    image.putalpha(alpha)
    assert np.array_equal(pixels(open_mask(written(tmp_path / "cut.png", image)).image), pixels(alpha))


@pytest.mark.parametrize("name", ["a.tif", "b.bmp"])
def test_tiff_and_bmp_of_ordinary_photos_are_taken(name):
    photo = open_photo(INPUTS / "tiffonly" / "mug" / name)
    assert (photo.image.size, photo.warnings) == ((200, 200), ())


def test_a_heic_file_that_is_only_a_header_is_named_as_damaged():
    error = refusal(INPUTS / "heic" / "minka" / "IMG_1190.HEIC")
    assert error.cause.endswith("IMG_1190.HEIC is a damaged HEIC picture.")
    assert error.remedy == "Give another copy of the picture."
