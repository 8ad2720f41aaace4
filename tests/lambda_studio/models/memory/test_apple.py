"""A device is used only if it runs the models' operations, with the values of the CPU."""

import pytest
import torch
import torch.nn.functional as F

from lambda_studio.models.memory.apple import fault_of


@pytest.fixture(autouse=True)
def tried_anew() -> None:
    fault_of.cache_clear()


def test_a_device_that_computes_as_the_cpu_has_no_fault() -> None:
    assert fault_of(torch.device("cpu")) is None


def test_a_device_that_cannot_be_used_tells_why() -> None:
    assert fault_of(torch.device("meta")) is not None
    fault = fault_of(torch.device("mps"))
    assert torch.backends.mps.is_available() or (fault is not None and "\n" not in fault)


def test_an_operation_with_other_values_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    whole, calls = F.interpolate, []

    def other(*args: object, **named: object) -> torch.Tensor:
        calls.append(args)
        return whole(*args, **named) * len(calls)

    monkeypatch.setattr(F, "interpolate", other)
    assert fault_of(torch.device("cpu")) == "it computes enlarging and gradients wrongly"
