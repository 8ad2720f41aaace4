"""The process that decodes: its questions, its answers, its messages."""

import struct
from pathlib import Path

import pytest
from PIL import Image

from lambda_studio.pictures import door_process
from lambda_studio.pictures.door_process import answer, receive, send
from lambda_studio.pictures.files.opening import open_photo
from lambda_studio.pictures.files.png import encode_png
from tests.lambda_studio.pictures.pattern import HEIGHT, WIDTH, pattern, written


def test_a_photo_is_answered_with_its_planes(tmp_path: Path) -> None:
    image = pattern()
    image.putalpha(Image.new("L", image.size, 100))
    path = written(tmp_path / "a.png", image)
    photo = open_photo(path)
    said, planes = answer({"do": "photo", "path": str(path)}, b"")
    size = (WIDTH, HEIGHT)
    known = {"size": size, "warnings": (), "file_sha": photo.file_sha, "header_size": size, "turned": False}
    assert said == known
    assert photo.alpha is not None and planes == [photo.image.tobytes(), photo.alpha.tobytes()]
    said, planes = answer({"do": "mask file", "path": str(path)}, b"")
    assert said == {"size": (WIDTH, HEIGHT), "turned": False} and planes == [photo.alpha.tobytes()]


def test_stored_bytes_are_answered_with_their_fault() -> None:
    size = [WIDTH, HEIGHT]
    assert answer({"do": "picture", "size": size}, encode_png(pattern())) == ({"fault": None}, [])
    assert answer({"do": "mask", "size": size}, encode_png(pattern()))[0]["fault"] == ("has the mode RGB instead of L")
    assert answer({"do": "picture", "size": size}, b"x") == ({"fault": "is not a complete PNG"}, [])


def test_a_refusal_is_an_answer(tmp_path: Path) -> None:
    said, planes = answer({"do": "photo", "path": str(tmp_path / "gone.png")}, b"")
    assert said == {"cause": f"{tmp_path / 'gone.png'} does not exist.", "remedy": "Check the path.", "spent": False}
    assert planes == []


@pytest.mark.parametrize(
    ("raised", "said", "spent"),
    [
        (ZeroDivisionError("by zero"), "a.png cannot be read: its data are damaged.", False),
        (MemoryError(), "a.png cannot be read: it needs more memory than a picture may use.", True),
    ],
)
def test_whatever_a_decoder_raises_is_an_answer(monkeypatch, raised: Exception, said: str, spent: bool) -> None:
    def broken(*_):
        raise raised

    monkeypatch.setitem(door_process.QUESTIONS, "photo", broken)
    told, planes = answer({"do": "photo", "path": "a.png"}, b"")
    assert told == {"cause": said, "remedy": "Give another copy of the picture.", "spent": spent} and planes == []


def test_messages_come_back_whole_and_an_end_is_no_message(tmp_path: Path) -> None:
    with (tmp_path / "pipe").open("w+b") as pipe:
        send(pipe, {"do": "λ"}, [b"ab", b"", b"cde"])
        send(pipe, {"do": "next"}, [])
        pipe.seek(0)
        assert struct.unpack(">I", pipe.read(4))[0] == len('{"do": "\\u03bb", "parts": [2, 0, 3]}')
        pipe.seek(0)
        assert receive(pipe) == ({"do": "λ", "parts": [2, 0, 3]}, b"abcde")
        assert receive(pipe) == ({"do": "next", "parts": []}, b"")
        assert receive(pipe) is None
