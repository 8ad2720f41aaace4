"""A text beside a picture is untrusted input: one short line, or none and why."""

import os
from pathlib import Path

import pytest

from lambda_studio.pictures.files.captions import MAX_BYTES, caption_file, one_line, read_caption


def test_the_caption_is_the_text_of_the_same_name(tmp_path: Path) -> None:
    assert caption_file(tmp_path / "IMG.1.jpg") == tmp_path / "IMG.1.txt"
    assert read_caption(tmp_path / "IMG.jpg") == (None, "")
    assert read_caption(tmp_path / "IMG.txt") == (None, ""), "what has the caption's name is no caption of its own"


@pytest.mark.parametrize(
    ("content", "caption", "fault"),
    [
        (b"a dog on a sofa", "a dog on a sofa", ""),
        (b"\xef\xbb\xbf\r\n  a\tdog \xce\xbb \r\nanother line\x1b", "a dog λ", ""),
        ("ein Hund 🐕\u200d🦺".encode(), "ein Hund 🐕\u200d🦺", ""),
        (b"", None, ""),
        (b" \n\n", None, ""),
        (b"a \xff dog", None, "it is not UTF-8"),
        ("a dog".encode("utf-16"), None, "it is not UTF-8"),
        (b"a \x1b[2J dog", None, "it has invisible or control characters"),
        ("a \u202e dog".encode(), None, "it has invisible or control characters"),
        (b"x" * 1001, None, "it has 1,001 characters, more than 1,000"),
        (b"x\n" * MAX_BYTES, None, f"it has more than {MAX_BYTES} bytes"),
    ],
)
def test_a_caption_is_one_line_or_a_reason(tmp_path: Path, content: bytes, caption, fault: str) -> None:
    (tmp_path / "0.txt").write_bytes(content)
    assert read_caption(tmp_path / "0.jpg") == (caption, fault)


def test_a_caption_that_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "0.txt")
    (tmp_path / "1.txt").mkdir()
    assert read_caption(tmp_path / "0.jpg") == (None, "it is not a regular file")
    caption, fault = read_caption(tmp_path / "1.jpg")
    assert caption is None and fault


def test_a_text_becomes_one_line() -> None:
    assert one_line(" a  dog\non\ta sofa ") == "a dog on a sofa"
