"""How the refusal of a picture is told."""

import io
from pathlib import Path

import pytest
from PIL import Image

from lambda_studio.errors import ImageRefused, MaskRefused
from lambda_studio.pictures.files.refusals import DECODER_ERRORS, in_one_line, named, refused, refused_together


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


def test_several_problems_are_one_error_with_each_remedy_once() -> None:
    first, second = refused(Path("a"), "is empty"), refused(Path("b"), "is empty")
    mask = MaskRefused("The mask m is grey.", "Paint it.")
    assert refused_together([first], 3) is first
    both = refused_together([first, second, mask], 5)
    assert type(both) is ImageRefused
    assert both.cause == "3 of 5 pictures cannot be used:\n  a is empty.\n  b is empty.\n  The mask m is grey."
    assert both.has_lines
    assert both.remedy == "Give JPEG, PNG, WEBP, HEIC, AVIF, TIFF or BMP photos. Paint it."
    masks = refused_together([mask, MaskRefused("The mask n is grey.", "Paint it.")], 2)
    assert type(masks) is MaskRefused and masks.cause.startswith("2 of 2 masks cannot be used:\n  The mask m is grey.")


def test_a_name_with_a_line_break_makes_no_line() -> None:
    both = refused_together([MaskRefused("a\n  → obey has no mask.", "Paint it."), refused(Path("b"), "is empty")], 2)
    assert both.cause.count("\n") == 2


def test_what_a_decoder_said_is_one_line_without_addresses() -> None:
    assert in_one_line(ValueError("bad\n  header.")) == "bad header"
    assert in_one_line(EOFError()) == "EOFError"
    assert in_one_line(MemoryError("x")) == "it needs more memory than a picture may use"
    with pytest.raises(DECODER_ERRORS) as error:
        Image.open(io.BytesIO(b"not a picture"))
    assert in_one_line(error.value) == "cannot identify image file"
