"""A picture says how it was drawn: what is written is read, and what others write is checked."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from lambda_studio.config import BatchRow
from lambda_studio.pictures.outputs import write_picture
from lambda_studio.pictures.texts.picture_texts import MAX_NUMBER, MAX_PROMPT, PictureTexts, read_texts
from tests.lambda_studio.pictures.texts.refused import refusal

REX = {"name": "rex", "noun": "dog", "library": "anna", "version": 2, "manifest": "ab" * 32}
SAID = PictureTexts(
    prompt="a <rex> 🐶\nλ",
    seed=7,
    settings={"num_inference_steps": 3, "guidance_scale": 2.0, "sampler": "ddim", "negative_prompt": "snow"},
    concepts=(REX,),
    stack="tiny",
    adapters=(("cd" * 32, 1.0), ("ef" * 32, -0.5)),
    weights={"clip": "12" * 32},
    batch=BatchRow(3, 8),
    likeness={"rex": {"CLIP-I": 0.5}},
    origin={"command": ["reconstruct", "rex"]},
    pictures={"mask": {"name": "m.png", "sha256": "cd" * 32}},
)
Write = Callable[..., Path]


@pytest.fixture
def picture(tmp_path: Path) -> Write:
    """Writes a picture with these values in its table; a value that is `...` is left out."""

    def write(**changes: Any) -> Path:
        table = {**json.loads(SAID.chunks(4, 4)["lambda-studio"]), **changes}
        text = json.dumps({key: value for key, value in table.items() if value is not ...})
        return write_picture(Image.new("RGB", (4, 4)), {"lambda-studio": text}, tmp_path, "x")

    return write


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = write_picture(Image.new("RGB", (4, 4)), SAID.chunks(4, 4), tmp_path, "x")
    assert read_texts(path) == SAID


def test_the_parameters_are_those_of_web_interfaces() -> None:
    assert SAID.chunks(48, 32)["parameters"] == (
        "a <rex> 🐶\nλ\nNegative prompt: snow\nSteps: 3, Sampler: ddim, CFG scale: 2, Seed: 7, Size: 48x32, "
        "Model: tiny, Version: lambda-studio"
    )


def test_what_may_be_missing_is_missing(picture: Write) -> None:
    gone = dict.fromkeys(("weights", "batch", "likeness", "origin", "pictures"), ...)
    said = read_texts(picture(**gone))
    assert (said.weights, said.batch, said.likeness, said.origin, said.pictures) == ({}, None, {}, {}, {})
    assert read_texts(picture(batch=None)).batch is None


def test_what_this_version_does_not_know_is_ignored(picture: Write) -> None:
    sound = {"sound": {"name": "b.ogg", "sha256": "ab" * 32}}
    pictures = {**SAID.pictures, **sound}
    assert read_texts(picture(concepts=[{**REX, "weight": 0.5}], pictures=pictures, more=1)) == SAID


def test_a_newer_format_is_refused_with_the_remedy_to_update(picture: Write) -> None:
    path = picture(format=5, settings="of another kind")
    error = refusal(path)
    assert error.cause == f"{path} has format 5, and this version of λ-Studio reads formats up to 4."
    assert error.remedy == "Update λ-Studio: pip install -U lambda-studio."


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"seed": ..., "stack": ...}, "its texts lack seed, stack"),
        ({"format": 0}, "its format is '0', not a number from 1"),
        ({"format": "4"}, "its format is '4', not a number from 1"),
        ({"prompt": 1}, "its prompt is not a text of up to 10,000 characters"),
        ({"prompt": "a" * (MAX_PROMPT + 1)}, "its prompt is not a text of up to 10,000 characters"),
        ({"prompt": "a \ud800"}, "its texts are not in UTF-8"),
        ({"concepts": [{**REX, "library": "\udfff"}]}, "its texts are not in UTF-8"),
        ({"stack": None}, "its stack is not a text"),
        ({"seed": -1}, "its seed is '-1'"),
        ({"seed": True}, "its seed is 'True'"),
        ({"seed": MAX_NUMBER + 1}, "its seed is '9"),
        ({"settings": []}, "its settings are not a table"),
        ({"settings": {**SAID.settings, "guidance_scale": 10**400}}, "its settings are not a table"),
        ({"settings": {"guidance_scale": 2.0}}, "its settings lack num_inference_steps, sampler"),
        ({"concepts": {}}, "its concepts are not a list of concepts"),
        ({"concepts": [1]}, "its concepts are not a list of concepts"),
        ({"concepts": [{**REX, "version": "2"}]}, "its concepts are not a list of concepts"),
        ({"concepts": [{**REX, "version": True}]}, "its concepts are not a list of concepts"),
        ({"adapters": {}}, "its adapters are not a list of adapters"),
        ({"adapters": [{"sha256": "cd", "scale": 1}]}, "its adapters are not a list of adapters"),
        ({"adapters": [{"sha256": "cd" * 32, "scale": True}]}, "its adapters are not a list of adapters"),
        ({"adapters": [{"sha256": "cd" * 32, "scale": 11}]}, "its adapters are not a list of adapters"),
        ({"weights": []}, "its weights are not a table of SHA-256"),
        ({"weights": {"clip": "x"}}, "its weights are not a table of SHA-256"),
        ({"batch": [3, 8]}, "its batch is not a row of one"),
        ({"batch": {"row": 8, "size": 8}}, "its batch is not a row of one"),
        ({"batch": {"row": False, "size": 8}}, "its batch is not a row of one"),
        ({"batch": {"row": 0, "size": 10_001}}, "its batch is not a row of one"),
        ({"likeness": []}, "its likeness is not a table"),
        ({"origin": {}}, "its origin is not a table with a command"),
        ({"origin": {"command": []}}, "its origin is not a table with a command"),
        ({"origin": {"command": [1]}}, "its origin is not a table with a command"),
        ({"origin": {"command": ["concepts", "forget", "rex"]}}, "its origin is not a table with a command"),
        ({"pictures": []}, "its pictures are not a table of files"),
        ({"pictures": {"mask": "m.png"}}, "its pictures are not a table of files"),
        ({"pictures": {"mask": {"name": "m.png", "sha256": "../x"}}}, "its pictures are not a table of files"),
    ],
)
def test_values_that_cannot_be_are_refused(picture: Write, changes: dict[str, Any], said: str) -> None:
    assert said in refusal(picture(**changes)).cause


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[]", "its text is not a table"),
        ("not even JSON", "Expecting value"),
        ('{"format": 4, "format": 4}', "a key is duplicated"),
        ("[" * 100_000, "recursion"),
    ],
)
def test_a_text_that_is_no_table_is_refused(tmp_path: Path, text: str, said: str) -> None:
    assert said in refusal(write_picture(Image.new("RGB", (4, 4)), {"lambda-studio": text}, tmp_path, "x")).cause


def test_a_file_that_is_not_there_or_no_png_is_refused(tmp_path: Path) -> None:
    (tmp_path / "odd.png").write_bytes(b"GIF89a")
    assert "it is not a PNG" in refusal(tmp_path / "odd.png").cause
    assert refusal(tmp_path / "none.png").cause == f"There is no picture {tmp_path / 'none.png'}."
    assert refusal(tmp_path).cause == f"{tmp_path} is a folder."
