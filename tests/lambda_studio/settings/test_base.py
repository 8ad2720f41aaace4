"""Configurations: what was given is remembered, and a wrong value names its field."""

import copy
import pickle
from dataclasses import asdict, fields, replace

import pytest

from lambda_studio.config import LARGEST, FinetuneConfig, GenerateConfig
from lambda_studio.errors import InvalidSetting

PREFERENCES = {"steps": 5, "rank": 3}


def test_preferences_fill_in_what_was_not_given() -> None:
    config = FinetuneConfig(steps=7).preferring(PREFERENCES)
    assert (config.steps, config.rank, config.seed) == (7, 3, 0)


def test_a_default_that_was_given_outranks_a_preference() -> None:
    config = FinetuneConfig(steps=FinetuneConfig.steps)
    assert config == FinetuneConfig()
    assert (config.given, FinetuneConfig().given) == ({"steps"}, frozenset())
    assert (config.preferring(PREFERENCES).steps, FinetuneConfig().preferring(PREFERENCES).steps) == (400, 5)


def test_none_that_was_given_is_given() -> None:
    assert GenerateConfig(resolution=None).preferring({"resolution": 64}).resolution is None


@pytest.mark.parametrize(
    "again",
    [copy.copy, copy.deepcopy, lambda config: pickle.loads(pickle.dumps(config)), replace],
    ids=["copy", "deepcopy", "pickle", "replace"],
)
def test_a_copy_remembers_what_was_given(again) -> None:
    config = FinetuneConfig(steps=FinetuneConfig.steps, seed=3)
    copied = again(config)
    assert copied == config
    assert copied.given == {"steps", "seed"}


def test_what_replace_changes_is_given_and_nothing_else() -> None:
    config = replace(FinetuneConfig(seed=3), steps=FinetuneConfig.steps, method="lora")
    assert config.given == {"seed", "steps", "method"}
    assert config.preferring(PREFERENCES).rank == 3


@pytest.mark.parametrize("kind", [FinetuneConfig, GenerateConfig])
def test_every_field_may_be_replaced_alone(kind) -> None:
    for field in fields(kind):
        assert replace(kind(), **{field.name: field.default}).given == {field.name}
    assert asdict(kind()) == {field.name: field.default for field in fields(kind)}


def test_an_unknown_preference_names_the_nearest_field() -> None:
    with pytest.raises(InvalidSetting, match=r"There is no setting 'learning_rat'\. Did you mean learning_rate\?"):
        FinetuneConfig().preferring({"learning_rat": 1e-4})


def test_an_unknown_field_is_refused() -> None:
    with pytest.raises(TypeError, match="learning_rat"):
        FinetuneConfig(learning_rat=1e-4)  # type: ignore[call-arg]  # which is what is tested


@pytest.mark.parametrize(
    ("kind", "field", "value", "cause"),
    [
        (GenerateConfig, "num_inference_steps", 0, "num_inference_steps is 0."),
        (GenerateConfig, "num_inference_steps", 1001, "num_inference_steps is 1001."),
        (GenerateConfig, "guidance_scale", -1.0, "guidance_scale is -1.0."),
        (GenerateConfig, "batch_size", 0, "batch_size is 0."),
        (GenerateConfig, "seed", -1, "seed is -1."),
        (FinetuneConfig, "rank", 0, "rank is 0."),
        (FinetuneConfig, "gradient_accumulation_steps", 0, "gradient_accumulation_steps is 0."),
        (FinetuneConfig, "learning_rate", 1.5, "learning_rate is 1.5."),
        (FinetuneConfig, "optimizer", "adam", "optimizer is 'adam'."),
        (FinetuneConfig, "optimizer", "../adam:Adam", "optimizer is '../adam:Adam'."),
        (FinetuneConfig, "optimizer", "torch.optim.:Adam", "optimizer is 'torch.optim.:Adam'."),
        (FinetuneConfig, "seed", -1, "seed is -1."),
        *(
            (FinetuneConfig, field, most + 1, f"{field} is {most + 1}.")
            for field, most in LARGEST.items()
            if hasattr(FinetuneConfig, field)
        ),
        *(
            (GenerateConfig, field, LARGEST[field] + 1, f"{field} is {LARGEST[field] + 1}.")
            for field in ("batch_size", "resolution", "height", "width", "seed")
        ),
        (FinetuneConfig, "resolution", 0, "resolution is 0."),
    ],
)
def test_a_wrong_value_names_its_field(kind, field: str, value: object, cause: str) -> None:
    with pytest.raises(InvalidSetting) as refused:
        kind(**{field: value})
    assert (refused.value.field, refused.value.cause) == (field, cause)
    assert pickle.loads(pickle.dumps(refused.value)).field == field
