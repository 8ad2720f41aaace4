"""An optimiser is tried before a run: it must go on bit for bit from a checkpoint, and its states are counted."""

import itertools
from typing import Any

import pytest
import torch

from lambda_studio.config import FinetuneConfig
from lambda_studio.errors import InvalidSetting
from lambda_studio.training.optimisation.named import ADAMW, ADAMW_8BIT
from lambda_studio.training.optimisation.trial import KNOWN, require_usable, states_of, try_out

CPU = torch.device("cpu")


@pytest.mark.parametrize("name", [ADAMW, ADAMW_8BIT])
def test_the_known_bytes_of_states_are_the_real_ones(name: str) -> None:
    if name == ADAMW_8BIT:
        pytest.importorskip("bitsandbytes", reason="bitsandbytes is not installed: pip install bitsandbytes")
    found, known = try_out(name, CPU), KNOWN[name]
    assert found.large == pytest.approx(known.large, abs=0.01)  # tables and counters, once for each tensor
    assert found.small == pytest.approx(known.small, abs=0.5)


def test_the_states_of_another_package_are_measured() -> None:
    assert states_of("torch.optim:SGD").stored([5000, 5]) == 0
    twice = states_of("torch.optim:AdamW")
    assert twice.stored([8192, 8]) == pytest.approx(8 * 8200, abs=16)
    assert twice.held([8192, 8]) == pytest.approx(12 * 8200, abs=16)
    assert states_of("torch.optim:Adafactor").stored([512 * 512]) < 5000


class Tried(torch.optim.Optimizer):
    """A descent whose step is a number of its own."""

    def __init__(self, params: Any, lr: float):
        super().__init__(params, {"lr": lr})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:
        for weight in self.param_groups[0]["params"]:
            weight.sub_(self.pace(self.state[weight]) * weight.grad)

    def pace(self, state: dict[str, Any]) -> float:
        return 0.1


class KeepsAFunction(Tried):
    def pace(self, state: dict[str, Any]) -> float:
        state["rule"] = lambda: 0.1
        return 0.1


class CountsOutsideItsState(Tried):
    def __init__(self, params: Any, lr: float):
        super().__init__(params, lr)
        self.steps = itertools.count(1)

    def pace(self, state: dict[str, Any]) -> float:
        return 0.1 / next(self.steps)


class IsRandom(Tried):
    def pace(self, state: dict[str, Any]) -> float:
        return float(torch.rand(()))


class IsTold(Tried):
    def train(self) -> None: ...
    def eval(self) -> None: ...


@pytest.mark.parametrize(
    ("kind", "cause"),
    [
        (KeepsAFunction, r"its state\['state'\]\[0\]\['rule'\] is a function"),
        (CountsOutsideItsState, "it goes on with other bits"),
        (IsTold, "it must be told when weights are used"),
        (torch.optim.LBFGS, "missing 1 required positional argument: 'closure'"),
    ],
)
def test_an_optimiser_that_could_not_be_resumed_is_refused(monkeypatch, kind: type, cause: str) -> None:
    monkeypatch.setattr(torch.optim, kind.__name__, kind, raising=False)
    with pytest.raises(InvalidSetting, match=f"which training cannot use: .*{cause}"):
        try_out(f"torch.optim:{kind.__name__}", CPU)


def test_random_values_of_a_step_are_allowed_and_the_callers_random_state_stays(monkeypatch) -> None:
    monkeypatch.setattr(torch.optim, "IsRandom", IsRandom, raising=False)
    before = torch.random.get_rng_state()
    assert try_out("torch.optim:IsRandom", CPU).large == 0
    assert torch.equal(torch.random.get_rng_state(), before)


def test_a_class_of_another_package_needs_its_own_learning_rate() -> None:
    require_usable(FinetuneConfig(optimizer="torch.optim:SGD", learning_rate=0.1), CPU)
    with pytest.raises(
        InvalidSetting, match=r"optimizer is torch\.optim:SGD, and learning_rate is not given"
    ) as refused:
        require_usable(FinetuneConfig(optimizer="torch.optim:SGD"), CPU)
    assert refused.value.fields == ("learning_rate", "optimizer")
