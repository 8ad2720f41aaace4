"""Headers: what is no ordinary photo is refused before a pixel is decoded, and what is odd is said."""

import struct

import pillow_heif
import pytest
from PIL import Image, TiffImagePlugin

from lambda_studio.errors import ImageRefused
from lambda_studio.pictures.files.verifying import verify
from tests.lambda_studio.pictures.pattern import pattern, written

pillow_heif.register_heif_opener()


def refusal(path) -> str:
    with pytest.raises(ImageRefused) as caught:
        verify(path, path.read_bytes())
    return f"{caught.value.cause} {caught.value.remedy}"


def notes(path) -> tuple[str, ...]:
    return verify(path, path.read_bytes())


@pytest.mark.parametrize(
    ("name", "kind", "said"),
    [
        ("a.jpg", "PNG", "it is a PNG picture, although its name ends in .jpg"),
        ("a.heic", "JPEG", "it is a JPEG picture, although its name ends in .heic"),
        ("a.jpg", "HEIF", "it is a HEIC picture, although its name ends in .jpg"),
        ("a.jpg", "AVIF", "it is a AVIF picture, although its name ends in .jpg"),
        ("a.txt", "WEBP", "it is a WEBP picture, although its name ends in .txt"),
    ],
)
def test_a_wrong_suffix_is_said(tmp_path, name, kind, said) -> None:
    path = tmp_path / name
    pattern().save(path, format=kind)
    assert notes(path) == (said.replace("is a AVIF", "is an AVIF"),)


@pytest.mark.parametrize("name", ["a.JPG", "a.HEIC", "a.hif", "a.avif", "a.TIFF", "a.tif", "a.bmp", "a.mpo"])
def test_right_suffixes_in_any_case_are_not_noted(tmp_path, name) -> None:
    kinds = {"jpg": "JPEG", "heic": "HEIF", "hif": "HEIF", "tif": "TIFF", "mpo": "MPO"}
    suffix = name.partition(".")[2].lower()
    path = tmp_path / name
    pattern().save(path, format=kinds.get(suffix, suffix))
    assert notes(path) == ()


def test_the_first_page_of_a_tiff_is_used_and_that_is_said(tmp_path) -> None:
    path = written(tmp_path / "a.tif", pattern(), save_all=True, append_images=[pattern(40, 50)] * 2)
    assert notes(path) == ("it has more pages than the first, which is used",)


def test_the_main_picture_of_a_heic_is_used_and_that_is_said(tmp_path) -> None:
    path = written(tmp_path / "a.heic", pattern(), save_all=True, append_images=[pattern(64, 64)])
    assert notes(path) == ("it holds 2 pictures; the main one is used",)


@pytest.mark.parametrize("mode", ["F", "I"])
def test_a_tiff_of_unusual_pixels_is_refused(tmp_path, mode) -> None:
    path = written(tmp_path / "a.tif", Image.new(mode, (64, 48)))
    assert f"has pixels of an unusual kind ({mode}). Save it with 8 bits a channel" in refusal(path)


@pytest.mark.parametrize("tag", [{254: 1}, {50706: b"\1\4\0\0"}], ids=["a thumbnail first", "DNG"])
def test_a_raw_file_is_not_taken_for_its_thumbnail(tmp_path, tag) -> None:
    info = TiffImagePlugin.ImageFileDirectory_v2()
    for number, value in tag.items():
        info.tagtype[number] = 4 if isinstance(value, int) else 1
        info[number] = value
    path = written(tmp_path / "a.tif", pattern(), tiffinfo=info)
    assert "a.tif is a camera's raw file. Export it as JPEG or TIFF." in refusal(path)


def test_a_bmp_of_run_lengths_is_refused(tmp_path) -> None:
    path = written(tmp_path / "a.bmp", pattern().quantize(16))
    content = bytearray(path.read_bytes())
    content[30:34] = struct.pack("<I", 1)
    path.write_bytes(content)
    assert "has pixels of an unusual kind" in refusal(path)


@pytest.mark.parametrize("name", ["a.heic", "a.avif", "a.tif"])
def test_a_damaged_header_is_named_by_its_format(tmp_path, name) -> None:
    content = {"a.heic": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(500), "a.tif": b"II*\0\x08\0\0\0" + bytes(6)}
    (tmp_path / name).write_bytes(content.get(name, b"\0\0\0\x1cftypavif\0\0\0\0avifmif1miafMA1B"))
    assert "damaged" in refusal(tmp_path / name)


@pytest.mark.parametrize(
    "start", [b"\0\0\0\x14ftypqt  \0\0\0\0qt  ", b"\0\0\0\x18ftypmp42\0\0\0\0isommp42", b"\0\0\0\x08wide"]
)
def test_a_video_is_called_a_video(tmp_path, start) -> None:
    path = tmp_path / "IMG_0001.MOV"
    path.write_bytes(start + bytes(range(256)) * 4)
    assert refusal(path) == f"{path} is a video. Give the photo beside it, or a still picture of the video."


def test_a_hidden_file_of_macos_is_called_so_and_its_picture_named(tmp_path) -> None:
    path = tmp_path / "._IMG_0001.HEIC"
    path.write_bytes(b"\0\x05\x16\x07\0\x02\0\0" + bytes(80))
    itself = "is a hidden file of macOS beside a picture. Give the picture itself, or leave this file out."
    assert refusal(path) == f"{path} {itself}", "no file IMG_0001.HEIC is there to give"
    other = path.with_name("IMG_0001.HEIC")
    other.write_bytes(path.read_bytes())
    assert refusal(path) == f"{path} is a hidden file of macOS beside a picture. Give IMG_0001.HEIC."
    assert refusal(other) == f"{other} {itself}"


def test_a_damaged_heic_is_not_called_a_video(tmp_path) -> None:
    path = tmp_path / "a.heic"
    path.write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(500))
    assert "is a video" not in refusal(path)
