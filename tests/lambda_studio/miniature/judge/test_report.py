"""The measurements run through on a few pictures; what they say is judged by the card, not by the tests."""

import json
from dataclasses import asdict

import pytest

from cli.miniature import command as miniature
from lambda_studio.errors import InvalidSetting
from lambda_studio.miniature.judge import measurements
from lambda_studio.miniature.judge.measurements import MEASUREMENTS
from lambda_studio.miniature.judge.report import (
    COUNT,
    QUALITY,
    SEEDS,
    STEPS,
    Figure,
    Report,
    load_quality,
    measure,
    shortfalls,
)
from lambda_studio.models.stacks.stack import resolve_stack

MINIATURE = resolve_stack("miniature")


def report(**figures: float) -> Report:
    found = {name: Figure(value, 0.01, (value,)) for name, value in figures.items()}
    return Report(10, (1,), {"zero-shot": found})


def test_each_seed_gives_a_value_and_their_spread_is_told(monkeypatch):
    monkeypatch.setattr(measurements, "RIVALS", 4)  # each is drawn twice, of every noun
    found = measure(MINIATURE, count=8, seeds=(1000, 1001), only=("oracle", "movq"), workers=1)
    assert found.seeds == (1000, 1001)
    psnr = found.figures["movq"]["psnr"]
    assert len(psnr.values) == 2 and min(psnr.values) <= psnr.mean <= max(psnr.values)
    assert psnr.spread > 0
    assert set(found.figures) == {"oracle", "movq"}
    assert {"place", "noun", "main", "worn", "identity_top1"} <= set(found.figures["oracle"])
    assert set(found.figures["oracle"]) - {"identity_top1"} == set(found.figures["movq"]) - {"psnr"}
    assert json.loads(json.dumps(asdict(found)))["count"] == 8


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"only": ("clop",)}, "no measurement 'clop'.*clip"),
        ({"count": 1}, "two pictures"),
        ({"seeds": ()}, "one seed"),
        ({"workers": 0}, "workers is 0"),
    ],
)
def test_what_cannot_be_measured_is_refused(asked, said):
    with pytest.raises(InvalidSetting, match=said):
        measure(MINIATURE, **asked)


def test_a_stack_of_other_pictures_is_not_measured_in_the_miniatures_world(stack_file):
    with pytest.raises(InvalidSetting, match=r"draws \d+ pixels, but the miniature's world has 128.*stack=miniature"):
        measure(resolve_stack(str(stack_file)), count=8, only=("movq",))


def test_weights_below_the_card_are_named_and_noise_is_forgiven():
    card = {"zero-shot": {"noun": 0.9, "place": 0.9, "worn": 0.9}}
    assert shortfalls(report(noun=0.88, place=0.95, worn=0.5), card) == ["zero-shot worn: 0.5 is below 0.9"]
    assert shortfalls(report(noun=0.9, place=0.9, worn=0.9), card) == []
    text_only = Report(10, (1,), {"text-only": {"main": Figure(0.0, 0.0, (0.0,))}})
    assert shortfalls(text_only, {"text-only": {"main": 0.5}}) == []


def test_the_card_of_what_ships_tells_every_measurement():
    card = load_quality()
    assert set(card) == set(MEASUREMENTS)
    assert {"noun", "place", "worn", "main"} <= set(card["zero-shot"])


def test_the_command_measures_as_much_as_the_card():
    defaults = {option.name: option.default for option in miniature.commands["evaluate"].params}
    assert (defaults["count"], defaults["seeds"], defaults["steps"]) == (COUNT, SEEDS, STEPS)
    kept = json.loads(QUALITY.read_text(encoding="utf-8"))
    assert (kept["count"], len(kept["seeds"])) == (COUNT, SEEDS)
