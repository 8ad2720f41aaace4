"""The text chunks of a PNG that may be anybody's."""

import io
import zlib

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from lambda_studio.pictures.texts.text_chunks import MAX_TEXT, MAX_TEXTS, text_chunks


def png(texts: dict[str, str], packed: str = "") -> bytes:
    chunks, buffer = PngInfo(), io.BytesIO()
    for key, text in texts.items():
        chunks.add_itxt(key, text, zip=key == packed)
    Image.new("RGB", (4, 4)).save(buffer, "PNG", pnginfo=chunks)
    return buffer.getvalue()


def chunk(kind: bytes, data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")


def read(content: bytes) -> dict[str, str]:
    return dict(text_chunks(io.BytesIO(content)))


def test_texts_are_read_in_their_order_and_packed_ones_are_not_unpacked() -> None:
    texts = {"b": "a <rex> 🐶\nλ", "a": "{}", "c": "x" * 1000}
    assert list(read(png(texts)).items()) == list(texts.items())
    assert list(read(png(texts, packed="b"))) == ["a", "c"]


WHOLE, END = png({"prompt": "a <rex>"}), chunk(b"IEND", b"")
TEXT = chunk(b"iTXt", b"prompt\0\0\0\0\0a")
MANY = b"".join(chunk(b"iTXt", b"k%d\0\0\0\0\0a" % number) for number in range(MAX_TEXTS + 1))


@pytest.mark.parametrize(
    ("content", "said"),
    {
        b"": "it is not a PNG",
        b"GIF89a" + WHOLE: "it is not a PNG",
        WHOLE[:-12]: "it is cut off",
        WHOLE[:60]: "it is cut off",
        WHOLE[:8] + (2**31).to_bytes(4, "big") + b"iTXt": "it is cut off",
        WHOLE[:8] + TEXT * 2 + END: "its text 'prompt' is a duplicate",
        WHOLE[:8] + MANY + END: f"it has more text than {MAX_TEXTS} chunks",
        WHOLE[:8] + chunk(b"iTXt", b"x" * (MAX_TEXT + 1)) + END: f"chunks of {MAX_TEXT:,} bytes",
        WHOLE[:8] + chunk(b"iTXt", b"prompt\0\0\0\0\0\xff") + END: "codec can't decode",
        WHOLE[:8] + chunk(b"tEXt", b"a\0b") * 100_001 + END: "it has more than 100000 chunks",
        WHOLE.replace(b"<rex>", b"<rax>", 1): "a text in it is damaged",
    }.items(),
    ids=lambda value: value[:20] if isinstance(value, str) else "",
)
def test_what_is_no_whole_png_is_refused(content: bytes, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        read(content)
