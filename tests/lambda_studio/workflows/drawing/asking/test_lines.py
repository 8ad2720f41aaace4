"""Drawings of a file of prompts."""

from dataclasses import replace
from pathlib import Path

import pytest

from lambda_studio.config import GenerateConfig
from lambda_studio.errors import InvalidSetting
from lambda_studio.workflows.drawing.asking.lines import LARGEST_FILE, drawing_of, drawings_of
from lambda_studio.workflows.drawing.asking.preparing import Drawing

WISHES = Drawing(prompt="", count=2, adapter="none", mask=Path("m.png"), out=Path("out"))


def test_each_line_has_the_commands_settings_and_its_own(tmp_path) -> None:
    path = tmp_path / "prompts.txt"
    path.write_text("# two\na dog --d 9 --s 3\na cat\n", encoding="utf-8")
    config = GenerateConfig(seed=1, num_inference_steps=20)
    first, second = drawings_of(path, replace(WISHES, config=config))
    assert (first.prompt, first.config.seed, first.config.num_inference_steps, first.line) == ("a dog", 9, 3, 2)
    assert (second.prompt, second.config, second.line) == ("a cat", config, 3)
    rest = (2, "none", Path("m.png"), Path("out"))
    assert {(each.count, each.adapter, each.mask, each.out) for each in (first, second)} == {rest}
    assert drawings_of(path.read_text(), replace(WISHES, config=config)) == [first, second]


def test_a_wrong_setting_names_its_line_and_a_wrong_file_its_name(tmp_path) -> None:
    with pytest.raises(InvalidSetting, match=r"Line 1: --s is 5000"):
        drawings_of("a dog --s 5000", WISHES)
    path = tmp_path / "prompts.txt"
    for content, reason in (
        (None, "No such file"), (b"\xff\xfe", "are no text in UTF-8"), (b"a" * (LARGEST_FILE + 1), "it has more than")
    ):  # fmt: skip
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(InvalidSetting, match=reason):
            drawings_of(path, WISHES)


def test_too_many_bytes_of_the_input_are_refused_and_not_cut() -> None:
    with pytest.raises(InvalidSetting, match="The prompts of the input have more than"):
        drawings_of(b"a dog\n" + b"#" * LARGEST_FILE, WISHES)


def test_one_line_alone_has_its_settings_and_no_number() -> None:
    drawing = drawing_of("a dog --s 3", replace(WISHES, config=GenerateConfig(seed=1)))
    assert (drawing.prompt, drawing.config.num_inference_steps, drawing.config.seed) == ("a dog", 3, 1)
    assert (drawing.line, drawing.count) == (None, 2)
    with pytest.raises(InvalidSetting, match=r"^--s is 5000"):
        drawing_of("a dog --s 5000", WISHES)
    with pytest.raises(InvalidSetting, match=r"^Line 7: --s is 0\.") as refused:
        drawing_of("a dog --s 0", WISHES, 7)
    assert refused.value.fields == (), "the option of the command is not what was wrong"
