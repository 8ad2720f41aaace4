"""Fine-tuning's settings in the loop: average, warm-up, schedule. Runs as such: test_trainer.py."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from lambda_studio.config import FinetuneConfig
from lambda_studio.errors import InvalidSetting, ResumeRefused
from lambda_studio.training import devices
from lambda_studio.training.checkpoints.checkpoint import latest_checkpoint
from lambda_studio.training.finetuning import finetune_decoder, train_config
from lambda_studio.training.hooks import Hooks, ModelReport
from tests.lambda_studio.training.test_trainer import (
    Decoder,
    _assert_same_bits,
    _config,
    _decoder,
    _digest,
    _examples,
    _stop_after,
    _weights,
)

ALL: dict[str, Any] = {"ema_decay": 0.6, "lr_warmup_steps": 3, "lr_scheduler": "cosine"}

SHAPED: list[dict[str, Any]] = [
    {"lora_alpha": 4.0},
    {"lora_dropout": 0.3},
    {"use_dora": True},
    {"use_rslora": True},
    {"targets": "attention-and-convolutions"},
    {"targets": "image"},
    {"snr_gamma": 5.0},
    {"snr_gamma": 5.0, "soft_min_snr": True},
    {"timestep_sampling": "logit-normal"},
    {"use_dora": True, "lora_dropout": 0.3, "targets": "attention-and-convolutions", "gradient_checkpointing": True},
]


def test_the_defaults_are_a_constant_rate_and_no_average() -> None:
    config = train_config(FinetuneConfig())
    assert {config.schedule(step) for step in (1, 200, 400)} == {1.0}
    assert (config.ema_decay, config.betas, config.log_every) == (0.0, (0.9, 0.999), 1)


@pytest.mark.parametrize("method", ["lora", "full"])
def test_a_run_with_average_warm_up_and_cosine_is_resumed_bit_for_bit(tmp_path: Path, method: str) -> None:
    config, whole = _config(method=method, **ALL), _decoder()
    finetune_decoder(whole, _examples(), config, tmp_path / "whole")
    for stop in (1, 4):
        folder, resumed = tmp_path / f"stopped-{stop}", _decoder()
        assert finetune_decoder(_decoder(), _examples(), config, folder, hooks=_stop_after(stop)).stopped
        finetune_decoder(resumed, _examples(), config, folder, resume=True)
        _assert_same_bits(_weights(resumed), _weights(whole))
        assert _digest(folder) == _digest(tmp_path / "whole")


@pytest.mark.parametrize(
    ("method", "name"), [("lora", "adamw-8bit"), ("full", "adamw-8bit"), ("full", "torch.optim:NAdam")]
)
def test_a_run_with_another_optimiser_is_resumed_bit_for_bit(tmp_path: Path, method: str, name: str) -> None:
    if name == "adamw-8bit":
        pytest.importorskip("bitsandbytes", reason="bitsandbytes is not installed: pip install bitsandbytes")
    config = _config(method=method, optimizer=name, rank=512, ema_decay=0.6)  # so that LoRA's states are large enough

    def decoder() -> Decoder:
        return _decoder(block_out_channels=(16, 32))  # convolutions of 4,096 values and more

    whole, resumed = decoder(), decoder()
    finetune_decoder(whole, _examples(), config, tmp_path / "whole")
    assert finetune_decoder(decoder(), _examples(), config, tmp_path / "cut", hooks=_stop_after(3)).stopped
    finetune_decoder(resumed, _examples(), config, tmp_path / "cut", resume=True)
    _assert_same_bits(_weights(resumed), _weights(whole))
    checkpoint = latest_checkpoint(tmp_path / "whole" / "checkpoints")
    assert checkpoint is not None
    assert checkpoint.meta["settings"]["optimizer"] == name
    with pytest.raises(ResumeRefused, match=f"optimizer: {name} -> adamw"):
        finetune_decoder(decoder(), _examples(), replace(config, optimizer="adamw"), tmp_path / "whole", resume=True)
    assert ("torch.uint8" in _dtypes(checkpoint.load()["optimizer"])) is (name == "adamw-8bit")


def _dtypes(state: Any) -> set[str]:
    if isinstance(state, dict):
        return set().union(*map(_dtypes, state.values()))
    return {str(state.dtype)} if isinstance(state, Tensor) else set()


@pytest.mark.parametrize("changes", SHAPED, ids=str)
def test_a_run_of_any_lora_or_loss_is_resumed_bit_for_bit(tmp_path: Path, changes: dict[str, Any]) -> None:
    config, whole, plain = _config(**changes), _decoder(), _decoder()
    finetune_decoder(whole, _examples(), config, tmp_path / "whole")
    folder, resumed = tmp_path / "stopped", _decoder()
    assert finetune_decoder(_decoder(), _examples(), config, folder, hooks=_stop_after(3)).stopped
    finetune_decoder(resumed, _examples(), config, folder, resume=True)
    _assert_same_bits(_weights(resumed), _weights(whole))
    assert _digest(folder) == _digest(tmp_path / "whole")
    finetune_decoder(plain, _examples(), _config(), tmp_path / "plain")
    assert _digest(folder) != _digest(tmp_path / "plain")
    with pytest.raises(ResumeRefused, match=f"{next(iter(changes))}: "):
        finetune_decoder(_decoder(), _examples(), _config(), folder, resume=True)


def test_a_run_with_masks_is_resumed_bit_for_bit_and_its_masks_are_part_of_it(tmp_path: Path) -> None:
    generator = torch.Generator().manual_seed(2)
    masked = [replace(example, mask=torch.rand(4, 4, generator=generator)) for example in _examples()]
    config, whole, resumed = _config(masked_loss=True), _decoder(), _decoder()
    finetune_decoder(whole, masked, config, tmp_path / "whole")
    assert finetune_decoder(_decoder(), masked, config, tmp_path / "cut", hooks=_stop_after(3)).stopped
    with pytest.raises(ResumeRefused, match="concept hat: 1 images"):
        finetune_decoder(_decoder(), _examples(), config, tmp_path / "cut", resume=True)
    finetune_decoder(resumed, masked[::-1], config, tmp_path / "cut", resume=True)
    _assert_same_bits(_weights(resumed), _weights(whole))


def test_an_alpha_of_the_rank_is_the_default_under_another_name(tmp_path: Path) -> None:
    finetune_decoder(_decoder(), _examples(), _config(), tmp_path / "run", hooks=_stop_after(2))
    finetune_decoder(_decoder(), _examples(), _config(lora_alpha=2.0), tmp_path / "run", resume=True)
    finetune_decoder(_decoder(), _examples(), _config(), tmp_path / "whole")
    assert _digest(tmp_path / "run") == _digest(tmp_path / "whole")


@pytest.mark.parametrize("name", list(ALL))
def test_each_setting_changes_what_is_learnt_and_a_resume_without_it_is_refused(tmp_path: Path, name: str) -> None:
    plain, other = _decoder(), _decoder()
    finetune_decoder(plain, _examples(), _config(), tmp_path / "plain")
    finetune_decoder(other, _examples(), _config(**{name: ALL[name]}), tmp_path / "other")
    ours, theirs = _weights(other), _weights(plain)
    assert any(not torch.equal(ours[key], theirs[key]) for key in ours)
    with pytest.raises(ResumeRefused, match=f"{name}: {ALL[name]} -> {getattr(FinetuneConfig, name)}"):
        finetune_decoder(_decoder(), _examples(), _config(), tmp_path / "other", resume=True)


def test_a_run_without_them_is_known_as_before(tmp_path: Path) -> None:
    finetune_decoder(_decoder(), _examples(), _config(), tmp_path / "run")
    checkpoint = latest_checkpoint(tmp_path / "run" / "checkpoints")
    assert checkpoint is not None
    assert checkpoint.meta["settings"].keys().isdisjoint(ALL)
    assert (sorted(checkpoint.meta), checkpoint.parts) == (
        ["losses", "settings"],
        ("parameters", "optimizer", "scaler"),
    )


def test_a_cosine_run_cannot_be_made_longer(tmp_path: Path) -> None:
    finetune_decoder(_decoder(), _examples(), _config(lr_scheduler="cosine"), tmp_path / "run")
    with pytest.raises(ResumeRefused, match=r"steps: 6 -> 8"):
        finetune_decoder(
            _decoder(), _examples(), _config(lr_scheduler="cosine", steps=8), tmp_path / "run", resume=True
        )


@pytest.mark.parametrize(("every", "steps"), [(2, [0, 2, 4, 6]), (4, [0, 4, 6]), (0, [0, 6])])
def test_the_model_is_lent_with_its_average_and_the_training_is_not_disturbed(
    tmp_path: Path, every: int, steps: list[int]
) -> None:
    seen: list[int] = []
    lent: dict[str, Tensor] = {}

    def look(report: ModelReport) -> None:
        assert report.steps == 6
        seen.append(report.step)
        torch.manual_seed(1)
        with report.evaluating() as unet:
            lent.update({name: weight.clone() for name, weight in unet.state_dict().items()})

    decoder = _decoder()
    hooks = Hooks(on_preview=look, preview_every=every)
    finetune_decoder(decoder, _examples(), _config(**ALL), tmp_path / "looked-at", hooks=hooks)
    finetune_decoder(_decoder(), _examples(), _config(**ALL), tmp_path / "alone")
    assert seen == steps
    _assert_same_bits(lent, _weights(decoder))
    assert _digest(tmp_path / "looked-at") == _digest(tmp_path / "alone")


@pytest.mark.parametrize(
    ("name", "value", "cause"),
    [
        ("ema_decay", 1.0, "is 1.0"),
        ("lr_warmup_steps", -1, "is -1"),
        ("keep_dressed", 7, "is 7"),
    ],
)
def test_a_wrong_setting_is_refused(name: str, value: Any, cause: str) -> None:
    with pytest.raises(InvalidSetting, match=cause):
        FinetuneConfig(**{name: value})


@pytest.mark.parametrize("method", ["lora", "full"])
def test_activations_computed_twice_give_the_same_bits_and_a_resumed_run_may_change_that(
    tmp_path: Path, method: str
) -> None:
    plain, twice, resumed = _decoder(), _decoder(), _decoder()
    finetune_decoder(plain, _examples(), _config(method=method), tmp_path / "plain")
    config = _config(method=method, gradient_checkpointing=True)
    finetune_decoder(twice, _examples(), config, tmp_path / "twice")
    _assert_same_bits(_weights(twice), _weights(plain))
    assert not twice.unet.is_gradient_checkpointing
    finetune_decoder(_decoder(), _examples(), _config(method=method), tmp_path / "cut", hooks=_stop_after(2))
    finetune_decoder(resumed, _examples(), config, tmp_path / "cut", resume=True)
    _assert_same_bits(_weights(resumed), _weights(plain))


def test_a_run_that_goes_on_is_looked_at_from_its_checkpoint_on(tmp_path: Path) -> None:
    seen: list[int] = []
    hooks = Hooks(on_preview=lambda report: seen.append(report.step), preview_every=2)
    finetune_decoder(_decoder(), _examples(), _config(**ALL), tmp_path / "run", hooks=_stop_after(3))
    finetune_decoder(_decoder(), _examples(), _config(**ALL), tmp_path / "run", resume=True, hooks=hooks)
    finetune_decoder(_decoder(), _examples(), _config(**ALL), tmp_path / "run", resume=True, hooks=hooks)
    assert seen == [4, 6, 6]


@pytest.mark.slow  # tracing takes half a minute
def test_a_compiled_run_trains_what_a_plain_one_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "COMPILER", "aot_eager")  # inductor's own code takes minutes to compile
    plain, compiled = _decoder(), _decoder()
    config = _config(steps=2, checkpoint_every=1, compile=True)
    finetune_decoder(plain, _examples(), replace(config, compile=False), tmp_path / "plain")
    graphs = torch._dynamo.utils.counters["stats"]["unique_graphs"]
    assert finetune_decoder(compiled, _examples(), config, tmp_path / "compiled", hooks=_stop_after(1)).stopped
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] > graphs
    with pytest.raises(ResumeRefused, match="compile: True -> "):
        finetune_decoder(_decoder(), _examples(), replace(config, compile=False), tmp_path / "compiled", resume=True)
    finetune_decoder(compiled, _examples(), config, tmp_path / "compiled", resume=True)
    for name, weight in _weights(plain).items():
        torch.testing.assert_close(_weights(compiled)[name], weight, rtol=1e-3, atol=1e-4)
