"""What a picture file says of itself."""

import json
from collections.abc import Generator

import pytest
import torch
from PIL import Image

from lambda_studio.config import BatchRow, GenerateConfig
from lambda_studio.generation.generator import Picture
from lambda_studio.pictures.files.png import sha256
from lambda_studio.pictures.texts.picture_texts import PictureTexts, read_texts
from lambda_studio.workflows.drawing import pictures
from lambda_studio.workflows.drawing.pictures import Destination, write_each


def test_a_picture_carries_the_prompt_the_settings_the_concepts_and_its_own_seed(studio, add, box, tmp_path):
    concept = add("rex", box(0)).concept
    config = GenerateConfig(num_inference_steps=2, guidance_scale=3.0, seed=5, batch_size=4)
    path = studio.generate("a <rex:0.5>", config, count=2, edges=box(1), out=tmp_path / "out").pictures[1].path
    assert (path.parent, path.suffix) == (tmp_path / "out", ".png")
    sizes = {"resolution": None, "height": None, "width": None, "decode_in_tiles": False}
    drawn = {
        "num_inference_steps": 2,
        "guidance_scale": 3.0,
        "sampler": "ddim",
        "negative_prompt": "",
        "strength": None,
        "edges_low": None,
        "edges_high": None,
    }
    settings = {**drawn, "references": "mean", "deep_cache_interval": 1, "edges": "box1.png", **sizes}
    seen = {"name": "rex", "noun": "dog", "library": "default", "version": 1, "manifest": concept.manifest}
    weights = studio.workplace.stack.fingerprints()
    assert len(weights) == 4
    files = {"edges": {"name": "box1.png", "sha256": sha256(box(1).read_bytes())}}
    numbers = "Steps: 2, Sampler: ddim, CFG scale: 3, Seed: 6, Size: 32x32, Model: tiny, Version: lambda-studio"
    said = Image.open(path).text
    assert said["parameters"] == f"a <rex:0.5>\n{numbers}"
    assert json.loads(said["lambda-studio"]) == {
        "format": 4,
        "prompt": "a <rex:0.5>",
        "seed": 6,
        "settings": settings,
        "concepts": [seen],
        "stack": "tiny",
        "adapters": [],
        "weights": weights,
        "batch": {"row": 1, "size": 2},
        "pictures": files,
    }
    assert read_texts(path) == PictureTexts(
        prompt="a <rex:0.5>", seed=6, settings=settings, concepts=(seen,), stack="tiny", weights=weights,
        batch=BatchRow(1, 2), pictures=files,
    )  # fmt: skip


def test_each_picture_is_written_before_the_next_is_drawn_and_stays_if_that_fails(tmp_path) -> None:
    seen, closed, told = [], [], []

    def drawn() -> Generator[Picture, None, None]:
        try:
            for seed in range(2):
                seen.append(sorted(path.name for path in tmp_path.iterdir()))
                yield Picture(torch.zeros(3, 8, 8), seed)
            raise KeyboardInterrupt
        finally:
            closed.append(True)

    with pytest.raises(KeyboardInterrupt):
        write_each(drawn(), [Destination(None, tmp_path, "a dog")] * 3, told.append)
    first, second = (tmp_path / f"a-dog-000{number}.png" for number in (1, 2))
    assert seen == [[], [first.name]]
    assert closed == [True]
    assert told == [f"Written before the stop: {first}", f"Written before the stop: {second}"]


def test_a_disk_that_fails_leaves_whole_pictures_and_lets_go_of_the_decoder(tmp_path, monkeypatch) -> None:
    closed, told = [], []

    def drawn() -> Generator[Picture, None, None]:
        try:
            yield from (Picture(torch.zeros(3, 8, 8), seed) for seed in range(3))
        finally:
            closed.append(True)

    write = pictures.write_drawing

    def full(image: Image.Image, to: Destination):
        if (tmp_path / "a-dog-0001.png").exists():
            raise OSError(28, "No space left on device")
        return write(image, to)

    monkeypatch.setattr(pictures, "write_drawing", full)
    with pytest.raises(OSError, match="No space left"):
        write_each(drawn(), [Destination(None, tmp_path, "a dog")] * 3, told.append)
    assert [path.name for path in tmp_path.iterdir()] == ["a-dog-0001.png"]
    assert closed == [True]
    assert told == [f"Written before the stop: {tmp_path / 'a-dog-0001.png'}"]


def test_pictures_that_wait_are_written_only_if_the_drawing_stops(tmp_path) -> None:
    told: list[str] = []

    def drawn(stops: bool) -> Generator[Picture, None, None]:
        yield Picture(torch.ones(3, 8, 8), 4)
        if stops:
            raise KeyboardInterrupt

    to = Destination(None, tmp_path, "a dog", at_once=False)
    (made,) = write_each(drawn(False), [to], told.append)
    assert (made.path, made.seed, made.image.getpixel((0, 0)), told) == (None, 4, (255, 255, 255), [])
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(KeyboardInterrupt):
        write_each(drawn(True), [to, to], told.append)
    assert told == [f"Drawn before the stop, not compared: {tmp_path / 'a-dog-0001.png'}"]


def test_without_metadata_a_picture_has_no_texts(studio, tmp_path) -> None:
    config = GenerateConfig(num_inference_steps=1, metadata=False)
    assert Image.open(studio.generate("a {cat}", config, out=tmp_path).pictures[0].path).text == {}


def test_braces_of_a_prompt_stay_in_the_parameters(studio, tmp_path) -> None:
    config = GenerateConfig(num_inference_steps=1, seed=2, negative_prompt="a {hat}")
    said = Image.open(studio.generate("a {cat} {seed}", config, out=tmp_path).pictures[0].path).text["parameters"]
    assert said.startswith("a {cat} {seed}\nNegative prompt: a {hat}\nSteps: 1, ") and "Seed: 2, " in said
