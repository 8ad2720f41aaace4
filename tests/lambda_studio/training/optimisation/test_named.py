"""Optimisers are made by their names; one that cannot be made says what to do."""

import builtins
import sys
from typing import Any

import pytest
import torch
from torch import nn

from lambda_studio.errors import InvalidSetting
from lambda_studio.training.optimisation.named import Rates, make_optimiser

RATES = Rates(learning_rate=0.5, weight_decay=0.125, betas=(0.5, 0.75))


def made(name: str, rates: Rates = RATES) -> torch.optim.Optimizer:
    return make_optimiser(name, [nn.Parameter(torch.zeros(2))], rates)


def test_adamw_is_fused_and_has_the_given_numbers() -> None:
    group = made("adamw").param_groups[0]
    assert (group["lr"], group["weight_decay"], group["betas"], group["fused"]) == (0.5, 0.125, (0.5, 0.75), True)


def test_adamw_is_not_fused_where_the_device_has_no_fused_one(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = torch.optim.AdamW.__init__

    def init(self: Any, *args: Any, fused: bool | None = None, **rest: Any) -> None:
        if fused:
            raise RuntimeError("`fused=True` requires supported devices")
        whole(self, *args, **rest)

    monkeypatch.setattr(torch.optim.AdamW, "__init__", init)
    assert made("adamw").param_groups[0]["lr"] == 0.5


def test_a_class_of_a_package_gets_the_arguments_that_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    group = made("torch.optim:SGD").param_groups[0]
    assert (group["lr"], group["weight_decay"]) == (0.5, 0.125)
    monkeypatch.setattr(torch.optim, "Plain", Plain, raising=False)
    assert made("torch.optim:Plain", Rates(learning_rate=0.5)).param_groups[0]["lr"] == 0.5
    with pytest.raises(InvalidSetting, match=r"weight_decay is 0\.125, and torch\.optim:Plain has none"):
        made("torch.optim:Plain")


class Plain(torch.optim.Optimizer):
    """An optimiser without a weight decay, which says so to the user."""

    def __init__(self, params: Any, lr: float):
        print("no weight decay")
        super().__init__(params, {"lr": lr})


def test_what_a_package_prints_is_no_part_of_an_answer(monkeypatch, capsys) -> None:
    monkeypatch.setattr(torch.optim, "Plain", Plain, raising=False)
    made("torch.optim:Plain", Rates(learning_rate=0.5))
    assert capsys.readouterr() == ("", "no weight decay\n")


@pytest.mark.parametrize(
    ("name", "cause"),
    [
        ("torch.nn:Linear", "it is no torch.optim.Optimizer"),
        ("torch.optim:Muon", "Muon only supports 2D parameters"),
    ],
)
def test_what_cannot_train_is_refused(name: str, cause: str) -> None:
    with pytest.raises(InvalidSetting, match=f"optimizer is {name}, which training cannot use: {cause}") as refused:
        made(name)
    assert refused.value.field == "optimizer"


def test_a_missing_bitsandbytes_is_named_with_the_way_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = builtins.__import__

    def missing(name: str, *args: Any, **named: Any) -> Any:
        if name.startswith("bitsandbytes"):
            raise ModuleNotFoundError(f"No module named {name!r}")
        return whole(name, *args, **named)

    monkeypatch.delitem(sys.modules, "bitsandbytes.optim", raising=False)
    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(InvalidSetting, match="needs the package bitsandbytes") as refused:
        made("adamw-8bit")
    assert refused.value.remedy == "pip install bitsandbytes"
