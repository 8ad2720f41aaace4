"""A picture says how it was drawn: pictures of every version, of newer ones, and of strangers."""

import json
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from lambda_studio.errors import ImageRefused
from lambda_studio.pictures.files.texts import MAX_TEXT, MAX_TEXTS, PictureTexts, read_texts
from lambda_studio.pictures.outputs import write_picture

RELEASED = sorted((Path(__file__).parents[3] / "formats").glob("*/pictures/*.png"))
REX = {"name": "rex", "noun": "dog", "library": "anna", "version": 2, "manifest": "ab" * 32}
TEXTS = {
    "prompt": "a <rex> 🐶\nλ",
    "settings": json.dumps({"num_inference_steps": 3, "guidance_scale": 2.0, "resolution": None}),
    "concepts": json.dumps([REX]),
    "stack": "tiny",
    "adapter": "cd" * 32,
    "seed": "7",
    "Software": "lambda-studio",
    "lambda-studio format": "1",
}
SAID = PictureTexts(
    prompt="a <rex> 🐶\nλ",
    seed=7,
    settings={"num_inference_steps": 3, "guidance_scale": 2.0, "resolution": None},
    concepts=(REX,),
    stack="tiny",
    adapter="cd" * 32,
    adapters=(("cd" * 32, 1.0),),
)
Write = Callable[..., Path]


@pytest.fixture
def picture(tmp_path: Path) -> Write:
    """Writes a picture with these texts; a key that is None is left out."""

    def write(**changes: Any) -> Path:
        texts = {**TEXTS, **{key.replace("__", "-").replace("_", " "): value for key, value in changes.items()}}
        kept = {key: value for key, value in texts.items() if value is not None}
        return write_picture(Image.new("RGB", (4, 4)), kept, tmp_path, "x")

    return write


def chunk(kind: bytes, data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")


def refusal(path: Path) -> ImageRefused:
    with pytest.raises(ImageRefused) as refused:
        read_texts(path)
    assert str(path) in refused.value.cause
    assert len(refused.value.cause) < 300 + len(str(path))
    return refused.value


def test_what_is_written_is_read(picture: Write) -> None:
    assert read_texts(picture()) == SAID
    assert read_texts(picture(adapter="none")).adapter is None


def test_the_pictures_that_it_was_given_are_read(picture: Write) -> None:
    files = {"from_image": {"name": "a.jpg", "sha256": "ab" * 32}, "mask": {"name": "m.png", "sha256": "cd" * 32}}
    texts = json.dumps({**files, "sound": {"name": "b.ogg", "sha256": "ab" * 32}})
    assert read_texts(picture(pictures=texts, lambda__studio_format="3")).pictures == files
    older = read_texts(picture(settings='{"edges": "box.png"}'))
    assert older.pictures == {"edges": {"name": "box.png", "sha256": ""}}


@pytest.mark.parametrize("wrong", ["[]", '{"mask": "m.png"}', '{"mask": {"name": "m.png", "sha256": "../x"}}'])
def test_pictures_that_are_no_files_are_refused(picture: Write, wrong: str) -> None:
    assert "its pictures are not a table of files" in refusal(picture(pictures=wrong)).cause


@pytest.mark.parametrize("path", RELEASED, ids=lambda path: f"{path.parts[-3]} {path.name}")
def test_a_picture_of_a_released_version_is_read(path: Path) -> None:
    said, texts = read_texts(path), Image.open(path).text
    assert (said.prompt, str(said.seed), said.stack) == (texts["prompt"], texts["seed"], texts["stack"])
    assert said.settings == json.loads(texts["settings"])
    assert list(said.concepts) == json.loads(texts["concepts"])
    assert (said.adapter or "none") == texts["adapter"]


def test_there_are_pictures_of_released_versions() -> None:
    assert len(RELEASED) >= 5


def test_a_picture_of_several_adapters_names_each_with_its_scale(picture: Write) -> None:
    scales = [{"sha256": "cd" * 32, "scale": 0.8}, {"sha256": "ef" * 32, "scale": -1}]
    said = read_texts(picture(adapters=json.dumps(scales), lambda__studio_format="2"))
    assert (said.adapter, said.adapters) == ("cd" * 32, (("cd" * 32, 0.8), ("ef" * 32, -1.0)))
    assert read_texts(picture(adapter="none")).adapters == ()


def test_a_picture_of_0_1_has_no_number(picture: Write) -> None:
    assert read_texts(picture(lambda__studio_format=None)) == SAID


def test_what_this_version_does_not_know_is_ignored(picture: Write) -> None:
    concepts = json.dumps([{**REX, "weight": 0.5}])
    settings = json.dumps({**SAID.settings, "sampler": "ddim"})
    said = read_texts(picture(concepts=concepts, settings=settings, Comment="x" * 1000))
    assert said.concepts == (REX,)
    assert said.settings == {**SAID.settings, "sampler": "ddim"}


def test_a_newer_format_is_refused_with_the_remedy_to_update(picture: Write) -> None:
    path = picture(lambda__studio_format="4", settings="not even JSON")
    error = refusal(path)
    assert error.cause == f"{path} has format 4, and this version of λ-Studio reads formats up to 3."
    assert error.remedy == "Update λ-Studio: pip install -U lambda-studio."


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"Software": None}, "it has no texts from λ-Studio"),
        ({"Software": "another"}, "it has no texts from λ-Studio"),
        ({"prompt": None}, "it has no texts from λ-Studio"),
        ({"seed": None, "stack": None}, "its texts lack seed, stack"),
        ({"lambda__studio_format": "0"}, "its format is '0', not a number from 1"),
        ({"lambda__studio_format": "1.0"}, "its format is '1.0'"),
        ({"lambda__studio_format": "9" * 5000}, "its format is '9999"),
        ({"seed": "-1"}, "its seed is '-1'"),
        ({"seed": "9" * 5000}, "its seed is '999"),
        ({"adapter": "../../etc/passwd"}, "its adapter is '../../etc/passwd'"),
        ({"settings": "[]"}, "its settings are not a table"),
        ({"settings": '{"a": NaN}'}, "NaN is not a JSON number"),
        ({"settings": '{"a": 1, "a": 2}'}, "a key is duplicated"),
        ({"settings": "[" * 100_000}, "recursion"),
        ({"concepts": "{}"}, "its concepts are not a list of concepts"),
        ({"concepts": "[1]"}, "its concepts are not a list of concepts"),
        ({"concepts": json.dumps([{**REX, "version": "2"}])}, "its concepts are not a list of concepts"),
        ({"concepts": json.dumps([{**REX, "version": True}])}, "its concepts are not a list of concepts"),
        ({"adapters": "{}"}, "its adapters are not a list of adapters"),
        ({"adapters": json.dumps([{"sha256": "cd", "scale": 1}])}, "its adapters are not a list of adapters"),
        ({"adapters": json.dumps([{"sha256": "cd" * 32, "scale": True}])}, "its adapters are not a list of adapters"),
        ({"adapters": json.dumps([{"sha256": "cd" * 32, "scale": 11}])}, "its adapters are not a list of adapters"),
        ({"weights": "[]"}, "its weights are not a table of SHA-256"),
        ({"weights": '{"clip": "x"}'}, "its weights are not a table of SHA-256"),
        ({"origin": "{}"}, "its origin is not a table with a command"),
        ({"origin": '{"command": []}'}, "its origin is not a table with a command"),
        ({"origin": '{"command": [1]}'}, "its origin is not a table with a command"),
        ({"Comment": "x" * MAX_TEXT}, f"it has more text than 64 chunks of {MAX_TEXT:,} bytes"),
    ],
)
def test_texts_that_cannot_be_are_refused(picture: Write, changes: dict[str, Any], said: str) -> None:
    assert said in refusal(picture(**changes)).cause


def test_what_is_no_whole_png_is_refused(picture: Write, tmp_path: Path) -> None:
    whole, end = picture().read_bytes(), chunk(b"IEND", b"")
    long = (2**31).to_bytes(4, "big") + b"iTXt"
    twice = chunk(b"iTXt", b"prompt\0\0\0\0\0a") * 2
    many = b"".join(chunk(b"iTXt", b"k%d\0\0\0\0\0a" % number) for number in range(MAX_TEXTS + 1))
    damaged = whole.replace(b"<rex>", b"<rax>", 1)
    for content, said in {
        b"": "it is not a PNG",
        b"GIF89a" + whole: "it is not a PNG",
        whole[:-12]: "it is cut off",
        whole[:60]: "it is cut off",
        whole[:8] + long: "it is cut off",
        whole[:8] + twice + end: "its text 'prompt' is a duplicate",
        whole[:8] + many + end: "it has more text than 64 chunks",
        whole[:8] + chunk(b"iTXt", b"prompt\0\0\0\0\0\xff") + end: "codec can't decode",
        whole[:8] + chunk(b"tEXt", b"a\0b") * 100_001 + end: "it has more than 100000 chunks",
        damaged: "a text in it is damaged",
    }.items():
        path = tmp_path / "odd.png"
        path.write_bytes(content)
        assert said in refusal(path).cause
    for path in (tmp_path, tmp_path / "none.png"):
        assert refusal(path).cause == f"There is no picture {path}."


def test_packed_texts_are_not_ours_and_are_not_unpacked(tmp_path: Path) -> None:
    chunks = PngInfo()
    for key, text in TEXTS.items():
        chunks.add_itxt(key, text, zip=key == "prompt")
    Image.new("RGB", (4, 4)).save(tmp_path / "a.png", pnginfo=chunks)
    assert "it has no texts from λ-Studio" in refusal(tmp_path / "a.png").cause
