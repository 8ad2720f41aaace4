"""Pictures of formats 1 to 3, which had a text chunk for each value."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from lambda_studio.pictures.outputs import write_picture
from lambda_studio.pictures.texts.picture_texts import PictureTexts, read_texts
from tests.lambda_studio.pictures.texts.refused import refusal

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


@pytest.mark.parametrize("path", RELEASED, ids=lambda path: f"{path.parts[-3]} {path.name}")
def test_a_picture_of_a_released_version_is_read(path: Path) -> None:
    said, texts = read_texts(path), Image.open(path).text
    assert (said.prompt, str(said.seed), said.stack) == (texts["prompt"], texts["seed"], texts["stack"])
    assert said.settings == json.loads(texts["settings"])
    assert list(said.concepts) == json.loads(texts["concepts"])
    assert [sha for sha, _ in said.adapters] == [each for each in (texts["adapter"],) if each != "none"]
    assert said.batch is None


def test_there_are_pictures_of_released_versions() -> None:
    assert len(RELEASED) >= 5


def test_what_the_chunks_say_is_read(picture: Write) -> None:
    assert read_texts(picture()) == SAID
    assert read_texts(picture(adapter="none")).adapters == ()
    assert read_texts(picture(lambda__studio_format=None)) == SAID, "version 0.1 wrote no number"


def test_a_picture_of_several_adapters_names_each_with_its_scale(picture: Write) -> None:
    scales = [{"sha256": "cd" * 32, "scale": 0.8}, {"sha256": "ef" * 32, "scale": -1}]
    said = read_texts(picture(adapters=json.dumps(scales), lambda__studio_format="2"))
    assert said.adapters == (("cd" * 32, 0.8), ("ef" * 32, -1.0))


def test_given_pictures_have_a_hash_but_for_edges_of_0_1(picture: Write) -> None:
    files = {"from_image": {"name": "a.jpg", "sha256": "ab" * 32}, "edges": {"name": "box.png", "sha256": "cd" * 32}}
    both = picture(pictures=json.dumps(files), settings='{"edges": "box.png"}', lambda__studio_format="3")
    assert read_texts(both).pictures == files
    older = read_texts(picture(settings='{"edges": "box.png"}'))
    assert older.pictures == {"edges": {"name": "box.png", "sha256": ""}}


def test_other_texts_and_values_are_ignored(picture: Write) -> None:
    concepts, settings = json.dumps([{**REX, "weight": 0.5}]), json.dumps({**SAID.settings, "sampler": "ddim"})
    said = read_texts(picture(concepts=concepts, settings=settings, Comment="x" * 1000))
    assert (said.concepts, said.settings) == ((REX,), {**SAID.settings, "sampler": "ddim"})


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"Software": None}, "it has no texts from λ-Studio"),
        ({"Software": "another"}, "it has no texts from λ-Studio"),
        ({"prompt": None}, "it has no texts from λ-Studio"),
        ({"seed": None, "stack": None}, "its texts lack seed, stack"),
        ({"adapter": None}, "its texts lack adapters"),
        ({"lambda__studio_format": "0"}, "its format is '0', not 1, 2 or 3"),
        ({"lambda__studio_format": "1.0"}, "its format is '1.0'"),
        ({"lambda__studio_format": "9" * 5000}, "its format is '9999"),
        ({"seed": "-1"}, "its seed is '-1'"),
        ({"seed": "9" * 5000}, "its seed is '999"),
        ({"adapter": "../../etc/passwd"}, "its adapters are not a list of adapters"),
        ({"settings": "[]"}, "its settings are not a table"),
        ({"settings": '{"a": NaN}'}, "NaN is not a JSON number"),
        ({"settings": "[" * 100_000}, "recursion"),
        ({"pictures": "[]"}, "its pictures are not a table of files"),
    ],
)
def test_texts_that_cannot_be_are_refused(picture: Write, changes: dict[str, Any], said: str) -> None:
    assert said in refusal(picture(**changes)).cause
