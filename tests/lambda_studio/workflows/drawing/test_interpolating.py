"""Pictures between prompts."""

import numpy as np
import pytest
from PIL import Image

from lambda_studio.config import FinetuneConfig, GenerateConfig
from lambda_studio.errors import InvalidSetting

ONE_STEP = GenerateConfig(num_inference_steps=1, seed=3)


def pixels(path) -> bytes:
    with Image.open(path) as image:
        return image.tobytes()


def test_a_line_begins_and_ends_with_what_generate_draws(studio, add, box, tmp_path) -> None:
    add("rex", box(0))
    add("hat", box(1), noun="hat")
    prompts = ["a <rex> in a <hat>", "a cat"]
    found = studio.pictures.interpolate(prompts, ONE_STEP, frames=3, out=tmp_path)
    ends = [studio.generate(each, ONE_STEP, out=tmp_path).pictures[0].path for each in prompts]
    assert [pixels(found.pictures[0]), pixels(found.pictures[-1])] == [pixels(each) for each in ends]
    assert (len(found.pictures), found.columns, found.seed, found.adapters) == (3, 3, 3, ())
    assert 0 < found.evenness <= 1 and found.sheet.is_file()
    studio.pictures.animate(found, tmp_path / "way.gif", 1.0)
    with Image.open(tmp_path / "way.gif") as animation:
        assert animation.n_frames == 4


def test_a_square_has_rows_of_frames_and_takes_the_adapter_that_knows_all(studio, add, box, tmp_path) -> None:
    add("rex", box(0))
    add("max", box(1))
    studio.finetune(["rex", "max"], FinetuneConfig(steps=1, rank=2))
    corners = ["a <rex>", "a <max>", "a <rex> on a cat", "a <max> on a cat"]
    found = studio.pictures.interpolate(corners, ONE_STEP, frames=2, spherical=True, out=tmp_path)
    assert (len(found.pictures), found.columns, [each.id for each in found.adapters]) == (4, 2, [1])
    for prompt, path in zip(corners, found.pictures, strict=True):
        alone = studio.generate(prompt, ONE_STEP, adapter=1, out=tmp_path).pictures[0].path
        one, other = (np.frombuffer(pixels(each), dtype=np.uint8).astype(int) for each in (alone, path))
        assert np.abs(one - other).max() <= 1, "a batch may round otherwise"


@pytest.mark.parametrize(
    ("prompts", "frames", "cause"),
    [
        (["a cat"] * 3, 3, "The number of prompts is 3"),
        (["a cat"] * 2, 1, "The number of frames is 1"),
        (["a cat"] * 4, 21, "The number of frames is 21"),
        (["a <*>", "a cat"], 3, "A prompt has a wildcard"),
    ],
)
def test_wrong_numbers_are_refused(studio, add, box, tmp_path, prompts, frames, cause) -> None:
    add("rex", box(0))
    add("max", box(1))
    with pytest.raises(InvalidSetting, match=cause):
        studio.pictures.interpolate(prompts, ONE_STEP, frames=frames, out=tmp_path)


def test_pictures_of_a_way_that_is_stopped_stay(studio, tmp_path, monkeypatch, notices) -> None:
    from lambda_studio.generation import generator

    sample_batch, calls = generator.sample_batch, []

    def stopped(*given):
        calls.append(given)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return sample_batch(*given)

    monkeypatch.setattr(generator, "sample_batch", stopped)
    config = GenerateConfig(num_inference_steps=1, seed=3, batch_size=1)
    with pytest.raises(KeyboardInterrupt):
        studio.pictures.interpolate(["a cat", "a dog"], config, frames=5, out=tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "a-cat-to-a-dog-0001.png",
        "a-cat-to-a-dog-0002.png",
    ]
    assert len([said for said in notices if said.startswith("Written before the stop")]) == 2
