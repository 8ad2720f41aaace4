"""The formats that are opened, by their first bytes and their suffixes."""

import io

import pytest

from lambda_studio.pictures.files.decoders import open_image
from lambda_studio.pictures.files.formats import FORMATS_SAID, MAX_PIXELS, PICTURE_SUFFIXES, SUFFIXES, said, sniffed
from tests.lambda_studio.pictures.pattern import pattern


@pytest.mark.parametrize("kind", [kind for kind in SUFFIXES if kind not in ("HEIF", "AVIF")])
def test_a_format_is_known_by_its_first_bytes(kind) -> None:
    buffer = io.BytesIO()
    pattern().save(buffer, kind)
    assert sniffed(buffer.getvalue()) == {"MPO": "JPEG"}.get(kind, kind)
    assert said(kind) in FORMATS_SAID


def test_heic_and_avif_are_told_apart_by_their_brands() -> None:
    def file(*brands: bytes) -> bytes:
        body = b"ftyp" + brands[0] + bytes(4) + b"".join(brands[1:])
        return (4 + len(body)).to_bytes(4, "big") + body

    assert sniffed(file(b"heic", b"mif1", b"heic")) == "HEIF"
    assert sniffed(file(b"mif1", b"mif1", b"avif")) == "AVIF"
    assert sniffed(file(b"avis")) == "AVIF"
    assert sniffed(file(b"heic") + b"avif") == "HEIF", "a brand stands inside the first box"


@pytest.mark.parametrize("content", [b"", b"GIF89a", b"\0\0\0\x0cjP  ", b"RIFF\0\0\0\0WAVE", b"%PDF"])
def test_other_files_are_no_pictures(content) -> None:
    assert sniffed(content) is None


def test_every_format_has_suffixes_and_a_limit() -> None:
    assert SUFFIXES.keys() == MAX_PIXELS.keys()
    assert {".jpg", ".heic", ".avif", ".tif", ".bmp"} < {*PICTURE_SUFFIXES}
    assert all(suffix == suffix.lower() and suffix.startswith(".") for suffix in PICTURE_SUFFIXES)
    assert (said("HEIF"), said("MPO"), said("PNG")) == ("HEIC", "JPEG", "PNG")


def test_what_is_sniffed_is_what_opens_it() -> None:
    buffer = io.BytesIO()
    pattern().save(buffer, "BMP")
    assert open_image(buffer.getvalue()).format == "BMP"
