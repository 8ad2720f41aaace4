"""A stage's network runs unchanged on a CPU, and on a GPU as a graph in bfloat16 with gradients in float32."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from lambda_studio.miniature.recipe.fast import Fast, InHalf, layout


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 32), nn.LayerNorm(32), nn.SiLU(), nn.Linear(32, 4))


class OnGpu(Tensor):
    """A tensor that says that it is on a GPU."""

    device = torch.device("cuda")  # type: ignore[assignment]  # a tensor that claims to be on a GPU


@pytest.fixture
def captured(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The networks and the sample inputs that were captured as graphs. A graph answers "replayed"."""
    calls: list[Any] = []

    def capture(of: nn.Module, samples: tuple[Tensor, ...], **options: bool) -> Any:
        calls.append((of, samples))
        return lambda *inputs: "replayed"

    monkeypatch.setattr(torch.cuda, "make_graphed_callables", capture)
    return calls


def test_on_a_cpu_a_network_runs_as_it_is(captured: list[Any]) -> None:
    plain, x = network(), torch.randn(5, 6)
    out = Fast(plain)(x)
    assert out.dtype == torch.float32 and torch.equal(out, plain(x))
    assert captured == []


def test_on_a_cpu_a_network_is_compiled_once_if_this_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = []
    monkeypatch.setattr(torch, "compile", lambda of, dynamic: compiled.append(of) or of)
    plain = network()
    fast = Fast(plain, compiled=True)
    assert torch.equal(fast(torch.ones(2, 6)), plain(torch.ones(2, 6)))
    fast(torch.zeros(2, 6))
    assert compiled == [plain]


@pytest.mark.parametrize("compiled", [False, True])
def test_on_a_gpu_the_first_call_captures_the_network_in_half(captured: list[Any], compiled: bool) -> None:
    plain, x = network(), torch.randn(5, 6)
    fast = Fast(plain, compiled)
    assert [fast(x.as_subclass(OnGpu)) for _ in range(2)] == ["replayed", "replayed"]
    [(of, (sample,))] = captured
    assert isinstance(of, InHalf) and of.network is plain
    assert torch.equal(sample.as_subclass(Tensor), x) and sample.data_ptr() != x.data_ptr(), "a graph owns its inputs"


def test_half_gives_gradients_in_float32_that_are_near_the_networks_own() -> None:
    plain, x = network(), torch.randn(64, 6)
    out = plain(x)
    out.pow(2).mean().backward()
    own = {name: p.grad.clone() for name, p in plain.named_parameters() if p.grad is not None}
    plain.zero_grad()
    before = {name: value.clone() for name, value in plain.state_dict().items()}
    half = InHalf(plain)(x)
    assert half.dtype == torch.bfloat16
    torch.testing.assert_close(half.float(), out, rtol=0.05, atol=0.02)
    half.float().pow(2).mean().backward()
    assert len(own) == 6
    for name, parameter in plain.named_parameters():
        assert parameter.grad is not None and parameter.grad.dtype == torch.float32, name
        torch.testing.assert_close(parameter.grad, own[name], rtol=0.05, atol=0.02 * float(own[name].abs().max()))
    assert {value.dtype for value in plain.state_dict().values()} == {torch.float32}
    assert all(torch.equal(value, before[name]) for name, value in plain.state_dict().items())


def test_half_leaves_whole_numbers_as_they_are() -> None:
    plain, rows = nn.Embedding(300, 4), torch.tensor([256, 257, 259])
    torch.testing.assert_close(InHalf(plain)(rows), plain(rows).bfloat16(), rtol=0, atol=0)


def test_half_is_computed_without_autocast() -> None:
    class Watched(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            within.append(torch.is_autocast_enabled("cpu"))
            return x

    within: list[bool] = []
    with torch.autocast("cpu", torch.bfloat16):
        InHalf(Watched())(torch.ones(1))
    assert within == [False], "autocast would compute the norms in float32"


def test_pictures_have_channels_last_on_a_cpu_only() -> None:
    assert layout("cpu") == layout(torch.device("cpu")) == torch.channels_last
    assert layout("cuda") == layout(torch.device("cuda", 1)) == torch.contiguous_format
