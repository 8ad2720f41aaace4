"""Options of benchmarks."""

from dataclasses import fields

import click

from cli.options.benchmarks import DRAWING, NAMES, benchmark_options, out_option
from lambda_studio.config import BenchmarkConfig, GenerateConfig


def test_names_are_separated_by_commas() -> None:
    assert NAMES.convert("dog6, cat,,", None, None) == ("dog6", "cat")
    assert NAMES.convert(("a",), None, None) == ("a",)


def test_every_option_is_a_setting() -> None:
    command = out_option("evaluations/x")(benchmark_options(click.command()(lambda **given: None)))
    names = {param.name for param in command.params} - {"out", "score_only"}
    settings = {*BenchmarkConfig.__dataclass_fields__, *GenerateConfig.__dataclass_fields__}
    assert set(DRAWING) <= names <= settings
    assert {each.name for each in fields(BenchmarkConfig)} - names == {"unique_token", "mean"}
