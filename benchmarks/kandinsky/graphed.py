"""A UNet's forward and backward passes as CUDA graphs, which the processor launches at once, not kernel by kernel."""

from typing import Any

import torch
from torch import Tensor, nn

from lambda_studio.models.decoders.kandinsky import predict_noise


class Graphed(nn.Module):
    """A UNet whose first call runs as it is, and all later ones by graphs. The inputs' shapes do not change.

    The first call is the one whose operations the meter counts, and no counter sees into a graph.
    """

    def __init__(self, unet: nn.Module):
        super().__init__()
        self.unet = _Positional(unet)
        self.calls = 0

    def forward(self, sample: Tensor, timesteps: Tensor, *, added_cond_kwargs: dict[str, Tensor], **_: Any) -> Any:
        """Return what Kandinsky's UNet returns with `return_dict=False`."""
        inputs = (sample, timesteps, added_cond_kwargs["image_embeds"])
        self.calls += 1
        if self.calls == 2:
            samples = tuple(each.clone() for each in inputs)
            torch.cuda.make_graphed_callables(self.unet, samples, allow_unused_input=True)  # replaces its `forward`
        return (self.unet(*inputs),)


class _Positional(nn.Module):
    """The UNet with its tensors in order, as graphs take them."""

    def __init__(self, unet: nn.Module):
        super().__init__()
        self.unet = unet

    def forward(self, sample: Tensor, timesteps: Tensor, image_embeds: Tensor) -> Tensor:
        """Return the UNet's output."""
        return predict_noise(self.unet, sample, timesteps, image_embeds)
