"""What is checked before a model is loaded."""

from dataclasses import replace

import pytest

from lambda_studio.config import LARGEST, GenerateConfig
from lambda_studio.errors import InvalidSetting, PromptInvalid
from lambda_studio.models.stacks.stack import Stack
from lambda_studio.workflows.drawing.asking import preparing
from lambda_studio.workflows.drawing.asking.preparing import Drawing, prepare

ONE_STEP = GenerateConfig(num_inference_steps=1)


def test_each_prompt_of_a_wildcard_is_prepared_with_its_own_concept_and_one_new_seed(
    studio, add, box, tmp_path, monkeypatch
) -> None:
    add("rex", box(0))
    add("max", box(1))
    for name in ("clip", "prior", "decoder"):
        monkeypatch.setattr(Stack, name, lambda *_: pytest.fail("a model was asked for"))
    wanted = [
        Drawing(prompt="a <*:dog:0.5>", config=ONE_STEP, count=2, out=tmp_path),
        Drawing(prompt="a cat", config=replace(ONE_STEP, seed=3), out=tmp_path),
    ]
    monkeypatch.setattr(preparing, "new_seed", lambda: 7)
    found = prepare(studio.workplace, wanted)
    assert [each.template.text for each in found] == ["a <max:0.5>", "a <rex:0.5>", "a cat"]
    assert [[concept.name for concept in each.concepts] for each in found] == [["max"], ["rex"], []]
    assert [list(each.seeds) for each in found] == [[7, 8], [7, 8], [3]]
    assert [each.is_new_seed for each in found] == [True, True, False]
    assert [span.weight for each in found for span in each.prompt.spans] == [0.5, 0.5]


def test_an_image_that_a_concept_does_not_have_is_refused(studio, add, box, tmp_path) -> None:
    add("rex", box(0), box(1))
    with pytest.raises(PromptInvalid, match=r"asks for image 3 of rex, which has 2\. See them: studio concepts show"):
        prepare(studio.workplace, [Drawing(prompt="a <rex#1,3>", out=tmp_path)])


def test_the_last_of_several_seeds_is_not_beyond_what_can_be_asked_for(studio, tmp_path) -> None:
    last = GenerateConfig(seed=LARGEST["seed"])
    assert len(prepare(studio.workplace, [Drawing(prompt="a dog", config=last, out=tmp_path)])) == 1
    with pytest.raises(InvalidSetting, match=rf"Line 3: The last of 2 pictures would have the seed {2**53 + 1}\."):
        prepare(studio.workplace, [Drawing(prompt="a dog", config=last, count=2, line=3, out=tmp_path)])


def test_what_is_refused_and_said_of_a_line_names_the_line(studio, tmp_path, notices, add, box) -> None:
    add("rex", box(0))
    with pytest.raises(PromptInvalid, match=r"^Line 4: The prompt names <rx>"):
        prepare(studio.workplace, [Drawing(prompt="a <rx>", line=4, out=tmp_path)])
    prepare(studio.workplace, [Drawing(prompt="a dog", config=ONE_STEP, line=5, out=tmp_path)])
    assert notices[-1].startswith("Line 5: The prompt names no concept")


def test_wildcards_make_no_more_pictures_than_can_be_asked_for(studio, add, box, tmp_path) -> None:
    for number, name in enumerate(("rex", "max")):
        add(name, box(number))
    with pytest.raises(InvalidSetting, match="The wildcards make 20000 pictures"):
        prepare(studio.workplace, [Drawing(prompt="<*>", count=10_000, out=tmp_path)])
