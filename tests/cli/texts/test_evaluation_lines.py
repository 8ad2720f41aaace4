"""An evaluation in words."""

import json
from dataclasses import replace

from cli.texts.evaluation_lines import MOST_IN_A_MATRIX, evaluation_lines
from lambda_studio.evaluation.results import Matrix
from lambda_studio.workflows.evaluating import adapter as adapter_module
from tests.cli.conftest import TUNE
from tests.lambda_studio.workflows.tuning.reports.test_evaluation_tables import FOUND


def test_concepts_pairs_and_losses_are_said() -> None:
    lines = list(evaluation_lines(FOUND))
    assert lines[:2] == [
        "adapter 1 on tiny: 4 pictures of each concept, likeness by DINO, composition by CLIP-T",
        "A note.",
    ]
    assert lines[3].split() == ["rex", "0.600", "0.800", "0.90", "0.310", "0.300", "25", "%", "50", "%"]
    assert [line.split() for line in lines[5:8]] == [
        ["DRAWN", "AS", "rex", "hat"],
        ["rex", "0.80", "(0.90)", "0.55", "(0.40)"],
        ["hat", "0.30", "(0.40)", "0.70", "(-)"],
    ]
    assert lines[8:] == [
        "rex is drawn too much like hat: +0.15 (+0.00 without the adapter) beside the photographs",
        "2 concepts in one picture: 25 % of them are lost (50 % without the adapter)",
        "the adapter changes pictures without a concept by 0.010. Another seed changes 0.300",
    ]


def test_a_matrix_that_is_too_wide_for_a_terminal_is_left_out() -> None:
    names = tuple(f"rex{number}" for number in range(MOST_IN_A_MATRIX + 1))
    rows = tuple(tuple(0.1 for _ in names) for _ in names)
    wide = Matrix(names, rows)
    lines = list(evaluation_lines(replace(FOUND, drawn=wide, real=wide, bleeding=wide, bleeding_before=wide)))
    assert not any("DRAWN AS" in line for line in lines)


def test_the_command_measures_an_adapter_in_words_and_as_json(studio, photos, monkeypatch) -> None:
    monkeypatch.setattr(adapter_module, "DRAWN", adapter_module.GenerateConfig(num_inference_steps=2, batch_size=8))
    studio("add-concept", "rex", *photos, "--noun", "dog")
    tuned = studio(*TUNE, "--evaluate")
    assert "adapter 1 on tiny: 4 pictures of each concept" in tuned.out
    answer = studio("adapters", "evaluate", 1, "--pictures", 1)
    assert answer.code == 0
    assert answer.out.splitlines()[0].startswith("adapter 1 on tiny: 1 picture of each concept")
    assert "its update is" in answer.out.splitlines()[-1] or "bf16 rounds away" in answer.out
    told = json.loads(studio("adapters", "evaluate", 1, "--pictures", 1, "--json").out)
    assert told["drawn"]["names"] == ["rex"]
    assert set(told["concepts"][0]) >= {"likeness", "likeness_before", "real", "composition", "copies"}
    assert studio("adapters", "evaluate", 1, "--pictures", 0).code == 2
