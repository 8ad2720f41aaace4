"""Sheets of drawn pictures."""

import pytest
from PIL import Image

from lambda_studio.config import GenerateConfig
from lambda_studio.errors import InvalidSetting
from lambda_studio.workflows.drawing import sheets

ONE_STEP = GenerateConfig(num_inference_steps=1, seed=0)


def test_all_pictures_of_several_prompts_are_on_one_sheet_which_replaces_none(studio, tmp_path, monkeypatch) -> None:
    drawn = studio.generate_all(["a cat", "a dog"], ONE_STEP, count=2, out=tmp_path)
    told = []
    whole = sheets.draw_sheet
    monkeypatch.setattr(
        sheets, "draw_sheet", lambda images, labels, title: told.append(labels) or whole(images, labels)
    )
    first, second = (studio.pictures.sheet(drawn, tmp_path / "all.png") for _ in range(2))
    assert (first.name, second.name) == ("all.png", "all-2.png")
    assert told[0] == ["seed 0\na cat", "seed 1\na cat", "seed 0\na dog", "seed 1\na dog"]
    with Image.open(first) as one, Image.open(second) as other:
        assert one.size == other.size and one.tobytes() == other.tobytes()


def test_a_sheet_has_an_end(studio, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(sheets, "MOST", 1)
    drawn = studio.generate("a cat", ONE_STEP, count=2, out=tmp_path)
    with pytest.raises(InvalidSetting, match="A sheet of 2 pictures is too large"):
        studio.pictures.sheet([drawn], tmp_path / "all.png")
