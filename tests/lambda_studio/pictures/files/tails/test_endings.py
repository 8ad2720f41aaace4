"""A picture that ends too early is told by its structure, wherever it was cut; a whole one never is."""

import io

import pytest
from PIL import Image

from lambda_studio.pictures.files.tails.endings import ends_early
from tests.lambda_studio.pictures.pattern import pattern

Image.init()
KINDS = {"JPEG": {}, "progressive": {"progressive": True}, "WEBP": {}, "BMP": {}, "HEIF": {}, "AVIF": {}}


def saved(kind: str, **options) -> bytes:
    import pillow_heif

    pillow_heif.register_heif_opener()
    buffer = io.BytesIO()
    pattern(200, 200).save(buffer, "JPEG" if kind == "progressive" else kind, **KINDS[kind], **options)
    return buffer.getvalue()


@pytest.mark.parametrize("kind", KINDS)
def test_a_cut_picture_ends_early_and_a_whole_one_does_not(kind) -> None:
    content = saved(kind)
    assert not ends_early(content)
    assert not ends_early(content + b"\0" * 100), "what follows a picture is not its own"
    for share in (0.3, 0.6, 0.95):
        assert ends_early(content[: int(share * len(content))])


def test_the_end_of_a_thumbnail_is_not_the_end_of_its_jpeg() -> None:
    exif = Image.Exif()
    exif[0x010E] = "\xff\xd8 a thumbnail \xff\xd9".encode("latin-1")
    content = saved("JPEG", exif=exif.tobytes())
    assert b"\xff\xd9" in content[:200]
    assert not ends_early(content) and ends_early(content[: len(content) // 2])


def test_of_other_files_nothing_is_told() -> None:
    assert not any(map(ends_early, (b"", b"no picture", b"\x89PNG\r\n\x1a\n", b"II*\0")))
