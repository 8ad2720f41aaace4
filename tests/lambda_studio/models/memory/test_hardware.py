"""Devices by name, and devices that are not there."""

import pytest
import torch

from lambda_studio.errors import InvalidSetting
from lambda_studio.models.memory.hardware import chosen_device


def test_the_default_is_a_gpu_where_there_is_one(monkeypatch):
    for available, name in ((True, "cuda"), (False, "cpu")):
        monkeypatch.setattr(torch.cuda, "is_available", lambda available=available: available)
        assert chosen_device(None) == torch.device(name)
    assert chosen_device("cpu") == torch.device("cpu")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("gpu", "device is 'gpu'"),
        ("meta", "device is 'meta'"),
        ("cuda:1", "device is cuda:1, and PyTorch finds no such"),
    ],
)
def test_a_device_that_is_not_here_is_refused(monkeypatch, name, said):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    assert chosen_device("cuda:0") == torch.device("cuda:0")
    with pytest.raises(InvalidSetting, match=f"{said}.*Give cpu, cuda") as error:
        chosen_device(name)
    assert error.value.field == "device"


def test_apples_gpu_is_taken_where_it_is(monkeypatch):
    for available in (True, False):
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda available=available: available)
        if available:
            assert chosen_device("mps") == torch.device("mps")
        else:
            with pytest.raises(InvalidSetting, match="device is mps, and PyTorch finds no such device"):
                chosen_device("mps")
