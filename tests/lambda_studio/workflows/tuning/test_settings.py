"""The row of a run says how it was started, in words that later and earlier versions can read."""

from dataclasses import asdict
from datetime import datetime
from typing import Any

import pytest

from concepts.records import RunRecord
from lambda_studio.config import FinetuneConfig
from lambda_studio.errors import ResumeRefused
from lambda_studio.workflows.tuning.settings import (
    ended_early,
    require_known_settings,
    settings_row,
    unusual,
    with_steps,
    without_effect,
)


def run_with(settings: dict[str, Any]) -> RunRecord:
    return RunRecord(4, "default", "finetune", "running", settings, None, None, datetime(2026, 1, 1), None, ())


def test_a_row_holds_what_was_chosen_and_gives_the_settings_back() -> None:
    config = FinetuneConfig(rank=2, learning_rate=1e-4, seed=3)
    row = settings_row("tiny", "models/tiny.toml", config)
    chosen = {"rank": 2, "learning_rate": 1e-4, "seed": 3}
    assert row == {"format": 1, "stack": "tiny", "stack_source": "models/tiny.toml", "config": chosen}
    require_known_settings(run_with(row))
    assert FinetuneConfig().preferring(row["config"]) == config


def test_a_row_of_0_1_has_no_number_and_every_setting() -> None:
    config = FinetuneConfig(rank=2)
    row = {"stack": "tiny", "stack_source": "tiny", "config": asdict(config)}
    require_known_settings(run_with(row))
    assert FinetuneConfig().preferring(row["config"]) == config


def test_settings_that_this_version_does_not_have_are_refused_by_name() -> None:
    row = settings_row("tiny", "tiny", FinetuneConfig())
    with pytest.raises(ResumeRefused) as refused:
        require_known_settings(run_with({**row, "config": {"rank": 2, "noise_offset": 0.9, "warm_up": 10}, "more": 1}))
    said = (
        "Run 4 was started with settings that this version of λ-Studio does not know: noise_offset = 0.9, warm_up = 10."
    )
    assert refused.value.cause == said
    remedy = "Resume with the version that started it, or start a new run without resume=True."
    assert refused.value.remedy == remedy


def test_a_row_of_a_newer_format_is_refused_with_the_remedy_to_update() -> None:
    with pytest.raises(ResumeRefused) as refused:
        require_known_settings(run_with({"format": 2}))
    assert refused.value.cause == "Run 4 has format 2, and this version of λ-Studio reads formats up to 1."
    assert refused.value.remedy == "Update λ-Studio: pip install -U lambda-studio."


@pytest.mark.parametrize(("concepts", "steps"), [(1, 400), (2, 662), (3, 924), (30, 8000), (59, 15600)])
def test_steps_follow_the_number_of_concepts_as_in_the_paper(concepts: int, steps: int) -> None:
    assert with_steps(FinetuneConfig(rank=2), concepts, for_thirty=8_000) == FinetuneConfig(rank=2, steps=steps)


@pytest.mark.parametrize(("concepts", "steps"), [(1, 400), (2, 489), (30, 3_000)])
def test_a_stack_may_take_fewer_steps_for_many_concepts(concepts: int, steps: int) -> None:
    assert with_steps(FinetuneConfig(), concepts, for_thirty=3_000).steps == steps


def test_a_run_is_told_with_its_steps_and_what_it_would_not_have_by_itself() -> None:
    preferred = {"rank": 32, "learning_rate": 1e-4}
    assert unusual({}, {}) == {"steps": 400}
    assert unusual({"rank": 32, "learning_rate": 1e-4, "steps": 662}, preferred) == {"steps": 662}
    assert unusual({"seed": 3}, preferred) == {"rank": 16, "learning_rate": None, "steps": 400, "seed": 3}


def test_the_shape_of_a_lora_is_not_told_of_a_full_training() -> None:
    preferred = {"targets": "image", "batch_size": 8, "rank": 32}
    assert unusual({"method": "full", "batch_size": 8}, preferred) == {"method": "full", "steps": 400}
    assert unusual({"batch_size": 8}, preferred) == {"rank": 16, "targets": "attention", "steps": 400}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"background_weight": 0.3}, "background_weight=0.3 has no effect without masked_loss=True."),
        ({"lr_num_cycles": 3}, "lr_num_cycles=3 has no effect with lr_scheduler=constant."),
        ({"lr_power": 2.0, "lr_scheduler": "cosine"}, "lr_power=2 has no effect with lr_scheduler=cosine."),
        (
            {"preview_every": 0, "preview_prompts": ("a <rex>", "a <mug>")},
            "preview_prompts=a <rex>, a <mug> has no effect with preview_every=0.",
        ),
        ({"rank": 8, "method": "full"}, "rank=8 has no effect with method=full."),
        (
            {"lr_warmup_steps": 401},
            "The warm-up has 401 steps and the training 400: the full learning rate is not reached.",
        ),
    ],
)
def test_settings_that_change_nothing_are_told(given, said) -> None:
    assert without_effect(FinetuneConfig(**given)) == [said]


@pytest.mark.parametrize(
    "given",
    [
        {"background_weight": 0.3, "masked_loss": True},
        {"lr_num_cycles": 3, "lr_scheduler": "cosine_with_restarts"},
        {"lr_power": 2.0, "lr_scheduler": "polynomial"},
        {"preview_every": 5, "preview_prompts": ("a <rex>",)},
        {"rank": 8},
        {"lr_warmup_steps": 400},
        {},
    ],
)
def test_nothing_is_told_of_settings_that_have_an_effect(given) -> None:
    assert without_effect(FinetuneConfig(**given)) == []


def test_given_steps_stay() -> None:
    assert with_steps(FinetuneConfig(steps=400), 30, for_thirty=8_000).steps == 400


def test_a_row_says_how_a_training_ended_only_if_it_ended_early() -> None:
    assert ended_early(400, 400, None) == {}
    assert ended_early(200, 400, 100) == {"steps": 200, "kept": 100}
    assert "ended" not in settings_row("tiny", "tiny", FinetuneConfig(), {})
    assert settings_row("tiny", "tiny", FinetuneConfig(), {"kept": 100})["ended"] == {"kept": 100}
