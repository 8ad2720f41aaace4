"""The random networks have Kandinsky 2.2's real sizes."""

import pytest
import torch
from torch import nn

from benchmarks.kandinsky.shapes import FULL, TINY
from benchmarks.kandinsky.weights import Models


def parameters(model: nn.Module) -> int:
    """Count a model's parameters."""
    return sum(parameter.numel() for parameter in model.parameters())


def test_the_networks_have_as_many_parameters_as_the_published_ones() -> None:
    models = Models(FULL, torch.device("meta"))
    decoder = models.decoder(torch.bfloat16)
    assert parameters(decoder.unet) == 1_253_057_288
    assert parameters(decoder.movq) == 67_832_495
    assert parameters(models.prior()) == 34_849_536
    assert parameters(models.clip(torch.bfloat16).model) == 2_539_567_105
    assert decoder.resolution == FULL.resolution


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_random_weights_keep_the_size_of_their_inputs(dtype: torch.dtype) -> None:
    decoder = Models(TINY, torch.device("cpu")).decoder(dtype)
    latents, embeds = torch.randn(4, 4, 8, 8).to(dtype), torch.randn(4, 64).to(dtype)
    with torch.no_grad():
        noise_pred = decoder.predict_noise(latents, torch.tensor([10, 300, 600, 900]), embeds)
    assert noise_pred.dtype == dtype and 0.3 < noise_pred.float().std() < 3
