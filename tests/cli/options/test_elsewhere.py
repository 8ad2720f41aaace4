"""Options of other trainers without an equal here are refused with what does their work."""

import re

import pytest

from cli.options.elsewhere import OF_TRAINERS
from cli.options.settings_file import spellings
from cli.training.finetune import command


@pytest.mark.parametrize("option", OF_TRAINERS)
def test_an_option_of_another_trainer_is_refused_with_what_does_its_work(studio, option) -> None:
    answer = studio("finetune", "rex", option.replace("-", "_").replace("__", "--", 1), 3)
    assert (answer.code, answer.out) == (2, "")
    assert f"Error: There is no option {option}. {OF_TRAINERS[option]}\n" in answer.err
    assert "Did you mean" not in answer.err


def test_the_options_that_are_named_exist_and_those_of_others_do_not() -> None:
    known = {*spellings(command), "resume", "home", "stack", "noun"}
    named = {option for said in OF_TRAINERS.values() for option in re.findall(r"--([a-z-]+)", said)}
    assert {name.replace("-", "_") for name in named} <= known
    assert not {name.lstrip("-").replace("-", "_") for name in OF_TRAINERS} & known


def test_another_unknown_option_is_answered_with_the_nearest(studio) -> None:
    answer = studio("finetune", "rex", "--optimiser", "adamw")
    assert (answer.code, "--optimizer" in answer.err) == (2, True)
