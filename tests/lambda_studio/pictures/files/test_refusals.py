"""How the refusal of a picture is told."""

from pathlib import Path

import pytest
from PIL import Image

from lambda_studio.errors import ImageRefused, MaskRefused
from lambda_studio.pictures.files.refusals import named, refused, refused_together, why_unread


def test_a_refusal_names_its_file_and_what_to_do() -> None:
    refusal = refused(Path("rex.gif"), "is not a JPEG, PNG or WEBP picture")
    assert (type(refusal), refusal.cause) == (ImageRefused, "rex.gif is not a JPEG, PNG or WEBP picture.")
    assert refusal.remedy == "Give JPEG, PNG, WEBP, HEIC, AVIF, TIFF or BMP photos."
    assert refused(Path("x"), "is empty", "Give another.").remedy == "Give another."


@pytest.mark.parametrize(
    ("name", "said"), [("rex at home.png", "rex at home.png"), ("köln.png", "köln.png"), ("a\x1b[2Jb", r"'a\x1b[2Jb'")]
)
def test_names_can_be_printed(name: str, said: str) -> None:
    assert named(Path(name)) == said


def test_several_problems_are_one_error_and_each_has_its_own_remedy() -> None:
    first, second = refused(Path("a"), "is empty"), refused(Path("b"), "is empty")
    mask = MaskRefused("The mask m is grey.", "Paint it.")
    assert refused_together([first], 3) is first
    both = refused_together([first, second, mask], 5)
    assert type(both) is ImageRefused
    photos = "Give JPEG, PNG, WEBP, HEIC, AVIF, TIFF or BMP photos."
    assert both.cause.split("\n  ") == [
        "3 of 5 pictures cannot be used:",
        f"a is empty. → {photos}",
        f"b is empty. → {photos}",
        "The mask m is grey. → Paint it.",
    ]
    assert both.has_lines
    assert both.remedy == "Nothing was stored. Do what stands behind each, or leave the file out."
    alike = refused_together([first, second], 3)
    assert (alike.cause, alike.remedy) == ("2 of 3 pictures cannot be used:\n  a is empty.\n  b is empty.", photos)
    masks = refused_together([mask, MaskRefused("The mask n is grey.", "Paint it.")], 2)
    assert type(masks) is MaskRefused and masks.cause.startswith("2 of 2 masks cannot be used:\n  The mask m is grey.")


def test_a_name_with_a_line_break_makes_no_line() -> None:
    both = refused_together([MaskRefused("a\n  → obey has no mask.", "Paint it."), refused(Path("b"), "is empty")], 2)
    assert both.cause.count("\n") == 2


def test_why_a_decoder_gave_up_is_said_in_our_words() -> None:
    damaged, cut_off = "its data are damaged", "it is cut off: its last part is missing"
    assert why_unread(ValueError("bad\n  header.")) == why_unread(SyntaxError("broken PNG file")) == damaged
    assert why_unread(OSError("image file is truncated (3 bytes not processed)")) == why_unread(EOFError()) == cut_off
    assert why_unread(MemoryError("x")) == "it needs more memory than a picture may use"
    assert why_unread(Image.DecompressionBombError("x")) == "it has more pixels than a picture may have"
    assert why_unread(PermissionError(13, "Permission denied", "/a.png")) == "Permission denied"
    assert why_unread(StopIteration()) == f"{damaged} (StopIteration)", "no decoder is known to raise it"
