"""Pictures that claim to be working copies."""

import io
import struct
import zlib

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from lambda_studio.pictures.files.png import encode_png
from lambda_studio.pictures.files.stored import mask_fault, picture_fault

SIZE = (48, 40)
PICTURE = encode_png(Image.new("RGB", SIZE, "teal"))


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def saved(image: Image.Image, kind: str = "PNG", **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def test_what_encode_png_writes_is_right() -> None:
    assert picture_fault(PICTURE, SIZE) is None
    assert mask_fault(encode_png(Image.linear_gradient("L").resize(SIZE)), SIZE) is None


def test_a_comment_is_refused() -> None:
    text = PngInfo()
    text.add_text("Comment", "secret")
    assert picture_fault(saved(Image.new("RGB", SIZE), pnginfo=text), SIZE) == "has chunks that are not pixels (tEXt)"


@pytest.mark.parametrize(
    "data",
    [b"", PICTURE[:-1], PICTURE + b"x", PICTURE[:20], saved(Image.new("RGB", SIZE), "JPEG"), b"x" + PICTURE],
    ids=["nothing", "cut", "longer", "short", "jpeg", "before"],
)
def test_what_is_not_exactly_a_png_is_refused(data: bytes) -> None:
    assert picture_fault(data, SIZE) == "is not a complete PNG"


def test_a_size_that_lies_is_refused_before_anything_is_decoded() -> None:
    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    bomb = PICTURE[:8] + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")
    assert picture_fault(bomb, SIZE) == "has 60000 x 60000 pixels instead of 48 x 40"


def test_pixels_that_cannot_be_decoded_are_refused() -> None:
    header = struct.pack(">IIBBBBB", *SIZE, 8, 2, 0, 0, 0)
    broken = PICTURE[:8] + chunk(b"IHDR", header) + chunk(b"IDAT", b"noise") + chunk(b"IEND", b"")
    assert picture_fault(broken, SIZE)


def test_another_mode_and_an_empty_mask_are_refused() -> None:
    assert picture_fault(encode_png(Image.new("L", SIZE)), SIZE) == "has the mode L instead of RGB"
    assert mask_fault(PICTURE, SIZE) == "has the mode RGB instead of L"
    assert mask_fault(encode_png(Image.new("L", SIZE)), SIZE) == "is an empty mask"


def plain(depth: int = 8, tail: bytes = b"", packed_tail: bytes = b"", interlaced: int = 0) -> bytes:
    rows = (b"\0" + bytes(range(48 * 3)) * (depth // 8)) * SIZE[1]
    header = struct.pack(">IIBBBBB", *SIZE, depth, 2, 0, 0, interlaced)
    packed = zlib.compress(rows + tail) + packed_tail
    return PICTURE[:8] + chunk(b"IHDR", header) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    "data",
    [
        plain(tail=b"x"),
        plain(tail=bytes(10**7)),
        plain(packed_tail=b"x"),
        plain(depth=16),
        plain()[:-17] + b"x" + plain()[-16:],
    ],
    ids=["a byte more", "a bomb", "bytes after the stream", "16 bits", "a wrong sum of all bytes"],
)
def test_what_holds_more_than_its_pixels_is_refused(data: bytes) -> None:
    assert picture_fault(plain(), SIZE) is None
    assert picture_fault(data, SIZE)
