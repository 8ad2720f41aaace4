"""Randomness that is kept, and losses on their way off the device."""

import pytest
import torch

from lambda_studio.errors import InvalidSetting
from lambda_studio.training.devices import (
    LAUNCHED,
    SHARDING,
    LossReader,
    launched_processes,
    randomness_kept,
    start_accelerator,
)

CPU = torch.device("cpu")


def test_an_accelerator_is_of_this_runs_precision_whatever_the_last_ones_was() -> None:
    for precision in ("bf16", "no", "bf16"):
        assert start_accelerator(CPU, precision, 2).mixed_precision == precision


def test_fp16_on_a_cpu_is_refused() -> None:
    with pytest.raises(InvalidSetting, match="fp16 and the device is a CPU"):
        start_accelerator(CPU, "fp16", 1)


@pytest.mark.parametrize("name", LAUNCHED)
def test_a_launcher_says_how_many_processes_it_started(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for each in LAUNCHED:
        monkeypatch.delenv(each, raising=False)
    assert launched_processes() == 1
    monkeypatch.setenv(name, "3")
    assert launched_processes() == 3
    monkeypatch.setenv(name, "three")
    assert launched_processes() == 1


@pytest.mark.parametrize("name", SHARDING)
def test_a_model_in_parts_is_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"ACCELERATE_USE_{name}", "true")
    with pytest.raises(InvalidSetting, match=f"configured for {name}, and each process .* Launch with --multi_gpu"):
        start_accelerator(CPU, "no", 1)


def test_the_global_randomness_is_kept() -> None:
    before = torch.random.get_rng_state()
    with randomness_kept(CPU):
        torch.manual_seed(5)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_losses_are_read_at_once_on_a_cpu_and_one_step_late_where_one_must_wait() -> None:
    losses = [{"loss": torch.tensor(float(number)), "psnr": torch.tensor(0.5)} for number in range(3)]
    reader = LossReader(CPU)
    assert [reader.push(each) for each in losses] == [[{"loss": float(number), "psnr": 0.5}] for number in range(3)]
    reader.push(losses[0])
    assert reader.read() == []
    reader.waiting = [(["loss"], torch.tensor([float(number)]), None) for number in range(3)]
    assert reader.read(leave=1) == [{"loss": 0.0}, {"loss": 1.0}]
    assert reader.read() == [{"loss": 2.0}]
