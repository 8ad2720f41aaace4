"""Settings for fine-tuning."""

from pathlib import Path
from typing import Any

import pytest

from lambda_studio.config import FinetuneConfig
from lambda_studio.errors import InvalidSetting
from lambda_studio.models.stacks.specification import BUILT_IN
from lambda_studio.settings.base import shown


def test_the_learning_rate_is_the_given_one_or_the_methods() -> None:
    assert FinetuneConfig(learning_rate=2e-4).effective_learning_rate == 2e-4
    assert FinetuneConfig().effective_learning_rate == 1e-4
    assert FinetuneConfig(method="full").effective_learning_rate == 1e-5


def test_another_optimiser_does_not_take_the_learning_rate_that_is_preferred_for_adamw() -> None:
    preferred = {"learning_rate": 1e-4, "steps": 7}
    sgd = FinetuneConfig(optimizer="torch.optim:SGD").preferring(preferred)
    assert (sgd.learning_rate, sgd.steps) == (None, 7)
    assert FinetuneConfig(optimizer="adamw-8bit").preferring(preferred).learning_rate == 1e-4
    its_own = {**preferred, "optimizer": "torch.optim:SGD"}
    assert FinetuneConfig().preferring(its_own) == FinetuneConfig(**its_own)
    assert FinetuneConfig(optimizer="torch.optim:SGD").preferring(its_own).learning_rate == 1e-4


def test_full_takes_a_tenth_of_the_learning_rate_that_is_preferred_for_a_lora() -> None:
    preferred = {"learning_rate": 1e-3, "steps": 7}
    full = FinetuneConfig(method="full").preferring(preferred)
    assert (full.learning_rate, full.steps) == (1e-4, 7)
    assert FinetuneConfig(method="full").preferring({"learning_rate": None}).effective_learning_rate == 1e-5
    assert FinetuneConfig(method="full", learning_rate=0.3).preferring(preferred).learning_rate == 0.3
    assert "learning_rate" in FinetuneConfig().preferring({"learning_rate": None}).given, "a rebuild keeps it so"
    assert FinetuneConfig(method="full").preferring({**preferred, "method": "full"}).learning_rate == 1e-3
    assert FinetuneConfig(method="lora").preferring({**preferred, "method": "full"}).learning_rate is None


@pytest.mark.parametrize(
    ("written", "schedule"),
    [
        ("cosine-with-restarts", "cosine_with_restarts"),
        ("cosine_with_restarts", "cosine_with_restarts"),
        ("constant_with_warmup", "constant"),
        ("constant-with-warmup", "constant"),
    ],
)
def test_a_file_calls_a_schedule_as_other_programs_do(tmp_path: Path, written: str, schedule: str) -> None:
    (tmp_path / "a.toml").write_text(f'lr_scheduler = "{written}"\n')
    assert FinetuneConfig.from_toml(tmp_path / "a.toml").lr_scheduler == schedule
    assert FinetuneConfig().preferring({"lr_scheduler": written, "steps": 3}).lr_scheduler == schedule


@pytest.mark.parametrize(
    ("field", "value", "remedy"),
    [
        ("lora_alpha", 0.0, "Give more than 0, up to 65536."),
        ("lora_dropout", 1.0, "Give 0 or more, and less than 1."),
        ("snr_gamma", 0.0, "Give more than 0, up to 1000; usually 5."),
        ("soft_min_snr", True, "Give snr_gamma=5 with it."),
        ("background_weight", 1.5, "Give 0 to 1."),
        ("variants", 17, "Give 1 to 16."),
        ("holdout", -1, "Give 0 to 100."),
        ("patience", -1, "Give 0 to 1000."),
        ("max_grad_norm", -1.0, "Give more than 0, up to 1000000, which clips nothing."),
        ("max_grad_norm", 0.0, "Give more than 0, up to 1000000, which clips nothing."),
        ("max_grad_norm", float("nan"), "Give more than 0, up to 1000000, which clips nothing."),
        ("weight_decay", -1.0, "Give 0 to 100."),
        ("weight_decay", float("inf"), "Give 0 to 100."),
    ],
)
def test_a_wrong_value_names_its_field_and_its_bounds(field: str, value: Any, remedy: str) -> None:
    with pytest.raises(InvalidSetting) as refused:
        FinetuneConfig(**{field: value})
    assert (refused.value.field, refused.value.cause) == (field, f"{field} is {shown(value)}.")
    assert refused.value.remedy == remedy


LORA = {"lora_alpha": 8.0, "lora_dropout": 0.1, "use_dora": True, "use_rslora": True, "targets": "image"}


@pytest.mark.parametrize("name", LORA)
def test_the_shape_of_a_lora_is_refused_for_a_whole_unet(name: str) -> None:
    with pytest.raises(
        InvalidSetting, match=f"{name} is .*, and the whole UNet is trained.*Leave out {name}, or give method=lora"
    ):
        FinetuneConfig(method="full", **{name: LORA[name]})


def test_a_preferred_shape_of_a_lora_is_left_out_for_a_whole_unet() -> None:
    assert FinetuneConfig(method="full").preferring({**LORA, "rank": 3}) == FinetuneConfig(method="full")
    earlier = {"method": "full", "rank": 3, "learning_rate": 1e-3}
    assert FinetuneConfig().preferring(earlier) == FinetuneConfig(method="full", learning_rate=1e-3)
    assert FinetuneConfig(method="lora").preferring(earlier) == FinetuneConfig(method="lora")
    assert FinetuneConfig().preferring(LORA) == FinetuneConfig(**LORA)
    assert FinetuneConfig().preferring({**LORA, "method": "full"}) == FinetuneConfig(method="full")


def test_crops_are_refused_where_no_picture_is_learnt_from_its_own_embedding() -> None:
    with pytest.raises(
        InvalidSetting,
        match=r"variants is 2, and conditions=prior learns no .*Give conditions=both or scenes, or leave out",
    ):
        FinetuneConfig(conditions="prior", variants=2)
    assert FinetuneConfig(conditions="both", variants=2).conditions == "both"
    assert FinetuneConfig(conditions="prior", random_flip=True).random_flip


def test_a_switch_that_is_off_outranks_the_stacks() -> None:
    preferred = BUILT_IN["miniature"].finetune
    assert [FinetuneConfig(**given).preferring(preferred).random_flip for given in ({}, {"random_flip": False})] == [
        True,
        False,
    ]


@pytest.mark.parametrize("wanted", [{"keep": "best"}, {"patience": 2}, {"patience": 2, "ease_off": True}])
def test_what_follows_from_scores_needs_images_that_are_held_back(wanted: dict[str, Any]) -> None:
    with pytest.raises(InvalidSetting) as refused:
        FinetuneConfig(**wanted)
    assert refused.value.cause == f"{next(iter(wanted))} needs scores, and no image is held back for them."
    assert refused.value.remedy == "Give holdout=1 with it."
    assert refused.value.field == next(iter(wanted))
    assert FinetuneConfig(holdout=1, **wanted).holdout == 1


def test_scores_need_previews_and_easing_off_needs_patience() -> None:
    with pytest.raises(
        InvalidSetting, match=r"holdout is given, and preview_every is 0\. Give preview_every=50, for instance\."
    ):
        FinetuneConfig(holdout=1, preview_every=0)
    with pytest.raises(InvalidSetting, match=r"ease_off is given without patience\. Give patience=2 with it\."):
        FinetuneConfig(holdout=1, ease_off=True)
