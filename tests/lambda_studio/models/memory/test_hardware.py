"""Devices by name, and devices that are not there."""

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
import torch

from lambda_studio.errors import InvalidSetting
from lambda_studio.models.memory import hardware
from lambda_studio.models.memory.hardware import (
    chosen_device,
    default_dtype,
    emulates_bf16,
    exact_products,
    free_memory,
    has_cpu_memory_for,
    process_peak,
    return_memory,
)
from lambda_studio.models.stacks.specification import BUILT_IN
from lambda_studio.models.stacks.stack import Stack, resolve_stack


@pytest.mark.parametrize("name", [None, "auto"])
def test_the_default_is_a_gpu_where_there_is_one(monkeypatch, name):
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    for available, found in ((True, "cuda"), (False, "cpu")):
        monkeypatch.setattr(torch.cuda, "is_available", lambda available=available: available)
        assert chosen_device(name, pytest.fail) == torch.device(found)
    assert chosen_device("cpu") == torch.device("cpu")


@pytest.mark.parametrize("fault", [None, "it computes attention wrongly"])
def test_apples_gpu_is_the_default_where_the_models_operations_work(monkeypatch, fault):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    monkeypatch.setattr(hardware, "fault_of", {hardware.APPLE: fault}.get)
    said = []
    assert chosen_device(None, said.append) == torch.device("cpu" if fault else "mps")
    note = f"Apple's GPU is not used, because a trial failed ({fault}). The CPU is used."
    assert said == ([note] if fault else [])


def test_apples_gpu_tells_what_may_be_used_and_gets_it_back(monkeypatch):
    returned = []
    monkeypatch.setattr(torch.mps, "recommended_max_memory", lambda: 11 * 2**30)
    monkeypatch.setattr(torch.mps, "empty_cache", lambda: returned.append("mps"))
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: returned.append("cuda"))
    assert free_memory(hardware.APPLE) == 11 * 2**30
    for name in ("mps", "cpu", "cuda"):
        return_memory(torch.device(name))
    assert returned == ["mps", "cuda"]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("gpu", r"device is 'gpu'\..*Give auto, cpu, cuda"),
        ("meta", r"device is 'meta'\..*Give auto, cpu, cuda"),
        (
            "cuda:1",
            r"device is cuda:1, which PyTorch does not find on this .*Give auto, or one that is here: cuda:0, cpu\.",
        ),
    ],
)
def test_a_device_that_is_not_here_is_refused(monkeypatch, name, said):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    assert chosen_device("cuda:0") == torch.device("cuda:0")
    with pytest.raises(InvalidSetting, match=said) as error:
        chosen_device(name)
    assert error.value.field == "device"


def test_apples_gpu_is_taken_where_it_is(monkeypatch):
    for available in (True, False):
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda available=available: available)
        if available:
            assert chosen_device("mps") == torch.device("mps")
        else:
            with pytest.raises(InvalidSetting, match="device is mps, which PyTorch does not find on this machine"):
                chosen_device("mps")


@pytest.fixture
def products():
    """The precision of float32 products, which is the process's; it is restored afterwards."""
    before = torch.get_float32_matmul_precision()
    yield torch.get_float32_matmul_precision
    torch.set_float32_matmul_precision(before)


def test_a_gpu_computes_float32_products_in_tf32_and_a_cpu_does_not(products, stack_file, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: True)
    seen = []
    for device in ("cpu", "cuda"):
        Stack(resolve_stack(str(stack_file)), device=device)
        seen.append(products())
    assert seen == ["highest", "high"]


def test_exact_products_are_in_float32_and_the_setting_comes_back(products):
    torch.set_float32_matmul_precision("high")
    with pytest.raises(ZeroDivisionError), exact_products():
        assert products() == "highest"
        _ = 1 / 0
    assert products() == "high"


def test_heavy_stacks_are_half_precision_on_a_gpu_and_float32_on_a_cpu(monkeypatch):
    cpu, gpu = torch.device("cpu"), torch.device("cuda")
    heavy, miniature = BUILT_IN["kandinsky-2.2"].precision, BUILT_IN["miniature"].precision
    assert default_dtype(heavy, cpu) == default_dtype(miniature, cpu) == default_dtype(miniature, gpu) == torch.float32
    for supported, dtype in ((True, torch.bfloat16), (False, torch.float16)):
        monkeypatch.setattr(
            torch.cuda,
            "is_bf16_supported",
            lambda including_emulation, supported=supported: supported or including_emulation,
        )
        assert default_dtype(heavy, gpu) == dtype
    assert default_dtype("fp16", cpu) == torch.float16


def test_memory_that_is_not_there_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    assert has_cpu_memory_for(1000)
    assert not has_cpu_memory_for(2**60)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=1000))
    assert [has_cpu_memory_for(size) for size in (500, 501)] == [True, False]


@pytest.mark.parametrize(
    ("taken", "again"),
    [
        ({"rss": 0.25}, 0),
        ({"rss": 0.5}, 0),
        ({"rss": 3.5}, 3),
        ({"rss": 3.5, "shared": 2}, 1),
        ({"rss": 1, "shared": 1}, 0),
    ],
)
def test_the_machines_free_memory_has_what_this_process_may_use_again(
    monkeypatch: pytest.MonkeyPatch, taken: dict[str, float], again: float
) -> None:
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=8 * 2**30))
    held = SimpleNamespace(**{name: int(size * 2**30) for name, size in taken.items()})
    process = SimpleNamespace(memory_info=lambda: held)
    monkeypatch.setattr(psutil, "Process", lambda: process)
    assert free_memory(torch.device("cpu")) == (8 + again) * 2**30


def test_the_peak_of_the_process_is_in_bytes_and_not_that_of_its_parent(monkeypatch: pytest.MonkeyPatch) -> None:
    own = process_peak()
    monkeypatch.setattr(Path, "is_file", lambda _: False)
    assert 0.9 * own < process_peak() < 10 * own, "elsewhere than on Linux, the system's own count"
    monkeypatch.undo()
    here = torch.ones(2**28)
    code = "import torch; held = torch.ones(2**24); from lambda_studio.models.memory.hardware import process_peak"
    words = [sys.executable, "-P", "-c", f"{code}; print(process_peak())"]
    said = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    assert 4 * 2**24 < int(said) < here.nbytes


@pytest.mark.parametrize(
    ("machine", "supported", "emulates"),
    [("x86_64", (), True), ("AMD64", ("avx512_bf16",), False), ("x86_64", ("amx_tile",), False), ("arm64", (), False)],
)
def test_a_processor_without_instructions_for_bf16_emulates_it(monkeypatch, machine, supported, emulates) -> None:
    monkeypatch.setattr("platform.machine", lambda: machine)
    for name in ("avx512_bf16", "amx_tile"):
        monkeypatch.setattr(torch.cpu, f"_is_{name}_supported", lambda name=name: name in supported, raising=False)
    assert emulates_bf16(torch.device("cpu")) == emulates
    assert not emulates_bf16(torch.device("cuda"))
