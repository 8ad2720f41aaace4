"""A run is known by the settings that were chosen: what a later version adds leaves the runs of before as they are."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import pytest
import torch
from torch import nn

from lambda_studio.config import FinetuneConfig
from lambda_studio.errors import ResumeRefused
from lambda_studio.training.checkpoints import resume
from lambda_studio.training.checkpoints.checkpoint import save_checkpoint
from lambda_studio.training.checkpoints.resume import MAY_CHANGE, Settings, describe_run, holds_a_run, open_run
from lambda_studio.training.examples import Example

CHOSEN = {"rank": 2, "learning_rate": 0.01, "batch_size": 2, "seed": 3}
EXAMPLES = [Example("rex", "ab" * 32, torch.ones(4, 8, 8), torch.ones(32))]
HELD = {"processes", "latents", "decoder", "concept rex"}


@dataclass(frozen=True, kw_only=True)
class Grown(FinetuneConfig):
    """The settings of a later version."""

    noise_offset: float = 0.0


def unet() -> nn.Module:
    module = nn.Linear(2, 2)
    nn.init.ones_(module.weight)
    nn.init.zeros_(module.bias)
    return module


def described(config: FinetuneConfig) -> Settings:
    return describe_run(config, EXAMPLES, unet(), 1)


def as_0_1_wrote_it(config: FinetuneConfig) -> Settings:
    """Every setting, as text, whether it was chosen or not."""
    every = {name: value for name, value in asdict(config).items() if name not in MAY_CHANGE}
    every["learning_rate"] = config.effective_learning_rate
    if config.method == "full":
        del every["rank"]
    held = {name: value for name, value in described(config).items() if name in HELD}
    return {**{name: str(value) for name, value in every.items()}, **held}


@pytest.fixture
def resumed(tmp_path: Path) -> Callable[[Settings, Settings], None]:
    """Resumes a run that was described so with settings that are described so."""

    def call(before: Settings, now: Settings) -> None:
        save_checkpoint(tmp_path / "checkpoints", 5, {"parameters": {}}, {"settings": before, "losses": []})
        checkpoint = open_run(tmp_path, True, now, 10)
        assert checkpoint is not None
        assert checkpoint.step == 5

    return call


def test_only_what_was_chosen_is_written_down() -> None:
    assert described(FinetuneConfig()).keys() == HELD
    chosen = {"rank": "2", "learning_rate": "0.01", "batch_size": "2", "seed": "3"}
    assert {name: value for name, value in described(FinetuneConfig(**CHOSEN)).items() if name not in HELD} == chosen
    full = described(FinetuneConfig(method="full", rank=3))
    assert {name: value for name, value in full.items() if name not in HELD} == {"method": "full"}


@pytest.mark.parametrize(("method", "rate"), [("lora", 1e-4), ("full", 1e-5)])
def test_the_methods_own_learning_rate_is_no_choice(method: str, rate: float) -> None:
    assert described(FinetuneConfig(method=method, learning_rate=rate)) == described(FinetuneConfig(method=method))
    assert described(FinetuneConfig(method=method, learning_rate=2 * rate))["learning_rate"] == str(2 * rate)


@pytest.mark.parametrize("config", [FinetuneConfig(), FinetuneConfig(**CHOSEN), FinetuneConfig(method="full", seed=4)])
def test_a_run_of_0_1_goes_on(config: FinetuneConfig, resumed: Callable[[Settings, Settings], None]) -> None:
    resumed(as_0_1_wrote_it(config), described(config))


def test_what_differs_is_told_with_the_default_that_was_left_out(
    resumed: Callable[[Settings, Settings], None],
) -> None:
    with pytest.raises(ResumeRefused) as refused:
        resumed(described(FinetuneConfig(**CHOSEN)), described(FinetuneConfig(**{**CHOSEN, "seed": 0})))
    assert refused.value.cause == "The run was started with other settings: seed: 3 -> 0."
    with pytest.raises(ResumeRefused, match=r"settings: snr_gamma: none -> 5\.0; masked_loss: off -> on\."):
        resumed(described(FinetuneConfig()), described(FinetuneConfig(snr_gamma=5.0, masked_loss=True)))


@pytest.mark.parametrize("before", [as_0_1_wrote_it, described])
def test_a_setting_that_is_added_leaves_the_runs_of_before_as_they_are(
    before: Callable[[FinetuneConfig], Settings],
    resumed: Callable[[Settings, Settings], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    old = before(FinetuneConfig(**CHOSEN))
    monkeypatch.setattr(resume, "FinetuneConfig", Grown)
    resumed(old, described(Grown(**CHOSEN)))
    with pytest.raises(ResumeRefused, match=r"other settings: noise_offset: 0\.0 -> 0\.9\."):
        resumed(old, described(Grown(**CHOSEN, noise_offset=0.9)))


def test_a_run_of_a_newer_version_goes_on_where_its_new_settings_are_at_their_default(
    resumed: Callable[[Settings, Settings], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as newer:
        newer.setattr(resume, "FinetuneConfig", Grown)
        default, chosen = described(Grown(**CHOSEN)), described(Grown(**CHOSEN, noise_offset=0.9))
    resumed(default, described(FinetuneConfig(**CHOSEN)))
    with pytest.raises(ResumeRefused) as refused:
        resumed(chosen, described(FinetuneConfig(**CHOSEN)))
    assert (
        refused.value.cause == "The run was started with settings that this version does not know: noise_offset = 0.9."
    )
    assert refused.value.remedy == "Update λ-Studio: pip install -U lambda-studio."


def test_the_defaults_that_runs_left_out_are_what_they_were() -> None:
    """Runs do not say what was at its default: another default needs another name (docs/decisions, formats)."""
    assert asdict(FinetuneConfig()) == {
        "method": "lora",
        "rank": 16,
        "lora_alpha": None,
        "lora_dropout": 0.0,
        "use_dora": False,
        "use_rslora": False,
        "targets": "attention",
        "steps": 400,
        "learning_rate": None,
        "optimizer": "adamw",
        "lr_scheduler": "constant",
        "lr_num_cycles": 1,
        "lr_power": 1.0,
        "compile": False,
        "lr_warmup_steps": 0,
        "batch_size": 4,
        "gradient_accumulation_steps": 1,
        "gradient_checkpointing": False,
        "weight_decay": 0.01,
        "snr_gamma": None,
        "soft_min_snr": False,
        "masked_loss": False,
        "background_weight": 0.1,
        "timestep_sampling": "uniform",
        "max_grad_norm": 1.0,
        "ema_decay": 0.0,
        "conditions": "paper",
        "keep_dressed": 0,
        "resolution": None,
        "variants": 1,
        "aspect_ratio_buckets": False,
        "random_flip": False,
        "mixed_precision": "no",
        "preview_every": None,
        "preview_prompts": (),
        "report_to": (),
        "holdout": 0,
        "keep": "last",
        "patience": 0,
        "ease_off": False,
        "checkpoint_every": 100,
        "seed": 0,
        "weights": None,
        "start_from": None,
    }
    rates = [FinetuneConfig(method=method).effective_learning_rate for method in ("lora", "full")]
    assert rates == [1e-4, 1e-5]


def test_training_has_begun_where_there_is_a_log_or_a_checkpoint(tmp_path) -> None:
    assert not holds_a_run(tmp_path)
    (tmp_path / "checkpoints" / "step-000002").mkdir(parents=True)
    assert holds_a_run(tmp_path)
    (tmp_path / "logged").mkdir()
    (tmp_path / "logged" / "loss.jsonl").touch()
    assert holds_a_run(tmp_path / "logged")
