"""A UNet by CUDA graphs: what is captured when. The capture itself needs a GPU and is replaced."""

from typing import Any

import pytest
import torch
from diffusers import UNet2DConditionModel

from benchmarks.kandinsky.graphed import Graphed
from tests.conftest import DIM, UNET_CONFIG


def test_the_first_call_is_plain_and_the_second_is_captured_with_its_shapes(monkeypatch: pytest.MonkeyPatch) -> None:
    captured: list[Any] = []

    def capture(module: torch.nn.Module, samples: tuple[torch.Tensor, ...], **_: Any) -> torch.nn.Module:
        captured.append(samples)
        own = module.forward
        monkeypatch.setattr(module, "forward", lambda *inputs: 2 * own(*inputs))  # as torch does
        return module

    monkeypatch.setattr(torch.cuda, "make_graphed_callables", capture)
    torch.manual_seed(0)
    unet = UNet2DConditionModel(**UNET_CONFIG)
    sample, timesteps, embeds = torch.randn(2, 4, 8, 8), torch.tensor([3, 700]), torch.randn(2, DIM)
    told = {"encoder_hidden_states": None, "added_cond_kwargs": {"image_embeds": embeds}, "return_dict": False}
    plain, graphed = unet(sample, timesteps, **told)[0], Graphed(unet)
    assert torch.equal(graphed(sample, timesteps, **told)[0], plain) and not captured
    assert torch.equal(graphed(sample, timesteps, **told)[0], 2 * plain)
    assert torch.equal(graphed(sample, timesteps, **told)[0], 2 * plain)
    assert len(captured) == 1, "captured once"
    for given, kept in zip((sample, timesteps, embeds), captured[0], strict=True):
        assert torch.equal(given, kept) and given.data_ptr() != kept.data_ptr(), "the graph has inputs of its own"
