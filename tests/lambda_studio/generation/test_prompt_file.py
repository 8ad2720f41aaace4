"""Files of prompts."""

import pytest

from lambda_studio.errors import InvalidSetting
from lambda_studio.generation.prompt_file import PromptLine, read_prompt, read_prompts


def test_each_line_is_a_prompt_and_comments_and_empty_lines_are_none() -> None:
    text = "\ufeff# my prompts\n\na <rex> in the snow\n   # not this\r\n a <rex#2> -- a dog \n"
    assert read_prompts(text) == [PromptLine(3, "a <rex> in the snow", {}), PromptLine(5, "a <rex#2> -- a dog", {})]


def test_one_prompt_alone_has_no_number() -> None:
    assert read_prompt(" a <rex>  --s 20") == PromptLine(None, "a <rex>", {"num_inference_steps": 20})
    with pytest.raises(InvalidSetting, match=r"^--x is no option of a prompt"):
        read_prompt("a dog --x 3")
    with pytest.raises(InvalidSetting, match=r"^Line 2: The prompt is no text in UTF-8\."):
        read_prompt("a dog \udcff", 2)


def test_dashes_that_begin_no_option_are_words() -> None:
    for prompt in ("a <rex>--a dog", "a <rex>---d 3", "a dog --- s", "a dog--size"):
        assert read_prompt(prompt) == PromptLine(None, prompt, {})


def test_options_behind_a_prompt_are_its_settings() -> None:
    (line,) = read_prompts("a <rex> --n snow, ice --w 768 --h 512 --d 7 --l 4.5 --s 20")
    assert line.prompt == "a <rex>"
    assert line.settings == {
        "negative_prompt": "snow, ice", "width": 768, "height": 512, "seed": 7, "guidance_scale": 4.5,
        "num_inference_steps": 20,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "cause", "remedy"),
    [
        (
            "a dog\na cat --x 3",
            "Line 2: --x is no option of a prompt.",
            "Known are: --n (negative_prompt), --w (width)",
        ),
        ("a cat --d often", "Line 1: --d (seed) is 'often'.", "Give a number."),
        ("a cat --s", "Line 1: --s (num_inference_steps) has no value.", "Give one, or leave it out."),
        ("a cat --d 3 --d 4", "Line 1: --d (seed) is given twice.", "Give it once."),
        ("a <rex>--d 3", "Line 1: There is no space before --d in “a <rex>--d”.", "Write a space: --d (seed) ends"),
        ("a cat --n snow--s 9", "Line 1: There is no space before --s in “a cat --n snow--s”.", "Write a space: --s"),
        ("# nothing\n", "The file has no prompts.", "Write one a line."),
    ],
)
def test_wrong_lines_are_refused_with_their_number(text, cause, remedy) -> None:
    with pytest.raises(InvalidSetting) as error:
        read_prompts(text)
    assert error.value.cause == cause and error.value.remedy.startswith(remedy)
