"""The training of MoVQ's decoding half on its latents, by what CLIP sees in its pictures."""

import torch
import torch.nn.functional as F
from diffusers.models.autoencoders.vq_model import VQModel
from jaxtyping import Float
from open_clip.modified_resnet import ModifiedResNet
from torch import Tensor, nn

from lambda_studio.miniature.recipe.fast import Fast, layout
from lambda_studio.miniature.recipe.networks import LATENTS
from lambda_studio.miniature.recipe.stage import LossOf
from lambda_studio.miniature.recipe.stages.drawing import drawn_ahead
from lambda_studio.miniature.recipe.stages.movq import Drawing, psnr, weighted_error
from lambda_studio.miniature.world.rendering import seen
from lambda_studio.miniature.world.seeding import seeded

LOOKS = 3.0
"""The weight of the distance in CLIP's features beside the error of the pixels."""


def decoding_stage(movq: VQModel, tower: ModifiedResNet, seed: int, batch_size: int, compiled: bool = False) -> LossOf:
    """Return the loss of MoVQ's decoding half: the error of pixels, and a distance in the features of CLIP's tower.

    Training by the error of pixels alone blurs what the latents leave open: patterns, ears, outlines. The distance of
    features is LPIPS without learnt weights (Zhang et al., 2018, https://arxiv.org/abs/1801.03924).

    Args:
        movq: The model. Its encoder is only read.
        tower: CLIP's image tower. It stays as it is.
        seed: The source of the pictures.
        batch_size: The number of pictures in a step.
        compiled: See `Fast`.
    """
    network = _BackAndSeen(movq, tower.to(memory_format=layout(movq.device)))
    run, pictures = Fast(network, compiled), drawn_ahead(Drawing(seed, batch_size, "decoding"))

    def loss_of(step: int) -> dict[str, Tensor]:
        images, weight = pictures(step, movq.device)
        target = (images * 2 - 1).contiguous(memory_format=layout(movq.device))
        noise = 0.03 * torch.randn(batch_size, 4, LATENTS, LATENTS, generator=seeded(seed, "decoding noise", step))
        output, *distances = run(target, noise.to(movq.device))
        off = output.float() - target
        looks = sum((_resized(weight, each.shape[-1]) * each.float()).mean() for each in distances)
        return {"loss": weighted_error(off, weight) + LOOKS * looks, "psnr": psnr(off), "looks": looks}

    return loss_of


def distances(tower: ModifiedResNet, images: Tensor, others: Tensor) -> list[Float[Tensor, "picture height width"]]:
    """Return the squared distances of features of unit length, after the tower's stem, first and second stage.

    The pictures are in -1..1, and are `seen` first.
    """
    found, first, second = [], seen(images), seen(others)
    for part in (tower.stem, tower.layer1, tower.layer2):
        first, second = part(first), part(second)
        found.append((F.normalize(first.float(), dim=1) - F.normalize(second.float(), dim=1)).pow(2).sum(1))
    return found


class _BackAndSeen(nn.Module):
    """MoVQ's pictures of noisy latents, and how different they look from the right ones."""

    def __init__(self, movq: VQModel, tower: ModifiedResNet):
        super().__init__()
        self.movq, self.tower = movq, tower.eval().requires_grad_(False)

    def forward(self, images: Tensor, noise: Tensor) -> tuple[Tensor, ...]:
        """Return the decoded pictures, and their distances from the right ones after each part of the tower."""
        with torch.no_grad():
            noisy = self.movq.encode(images).latents + noise
        # `decode` also copies a zero from the CPU, which no CUDA graph can hold
        output = self.movq.decoder(self.movq.post_quant_conv(noisy), noisy)
        return output, *distances(self.tower, output, images)


def _resized(weight: Float[Tensor, "picture 16 16"], side: int) -> Float[Tensor, "picture side side"]:
    return F.adaptive_avg_pool2d(weight, side) if side < LATENTS else F.interpolate(weight[:, None], size=side)[:, 0]
