"""Grow a MoVQ to pictures of twice the side, with the same latents (progressive growing, Karras et al., 2018)."""

import torch
from diffusers.models.autoencoders.vq_model import VQModel
from torch import nn


@torch.no_grad()
def grow(larger: VQModel, former: VQModel) -> None:
    """Give `larger` the weights of `former`, which has one block less on both sides.

    `larger` begins nearly equal to `former`: its new blocks only halve the features before the former encoder, and
    double them after the former decoder. Then they learn (`movq_stage`).
    """
    state = larger.state_dict()
    for name, value in former.state_dict().items():
        parts = name.split(".")
        if name.startswith("encoder.down_blocks."):
            parts[2] = str(int(parts[2]) + 1)
        state[".".join(parts)] = value
    larger.load_state_dict(state)
    down, up = larger.encoder.down_blocks[0], larger.decoder.up_blocks
    for resnet in (*down.resnets, *up[-1].resnets):
        nn.init.zeros_(resnet.conv2.weight)  # a residual block without a residual
        nn.init.zeros_(resnet.conv2.bias)
    halves, doubles = down.downsamplers[0].conv, up[-2].upsamplers[0].conv
    for conv in (halves, doubles):
        nn.init.zeros_(conv.weight)
        nn.init.zeros_(conv.bias)
    for channel in range(halves.out_channels):
        halves.weight[channel, channel, :2, :2] = 1 / 4
        doubles.weight[channel, channel, 1, 1] = 1
