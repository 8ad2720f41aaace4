"""The training of MoVQ: pictures there and back, of scenes that are drawn anew for every step."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from diffusers.models.autoencoders.vq_model import VQModel
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn

from lambda_studio.miniature.recipe.fast import Fast, layout
from lambda_studio.miniature.recipe.networks import LATENTS
from lambda_studio.miniature.recipe.stage import LossOf
from lambda_studio.miniature.recipe.stages.drawing import drawn_ahead
from lambda_studio.miniature.world.identities import identities
from lambda_studio.miniature.world.rendering import PIXELS, Rendered, render, render_cutouts
from lambda_studio.miniature.world.scenes import concatenate, scenes
from lambda_studio.miniature.world.seeding import seeded

CUTOUTS = 8
"""One in `CUTOUTS` pictures is a cut-out of a subject."""
Pictures = tuple[Float[Tensor, "picture 3 height width"], Float[Tensor, "picture 16 16"]]
"""Pictures in 0..1, and the weight of each of their latents."""


def movq_stage(
    movq: VQModel, seed: int, batch_size: int, former: VQModel | None = None, compiled: bool = False
) -> LossOf:
    """Return the reconstruction loss on unquantised latents, as in the decoder.

    The error is weighted by `focus`: without weights, places are crisp and subjects of unusual colours fade into them.
    The codebook follows the latents without influence on them, so that quantised decoding works too.

    Args:
        movq: The model that learns. Parameters without gradients stay as they are.
        seed: The source of the pictures.
        batch_size: The number of pictures in a step.
        former: The MoVQ of smaller pictures that `movq` was grown from. `movq` learns its latents, and to decode them.
            Without it, the latents stay near unit variance.
        compiled: See `Fast`.
    """
    run, pictures = Fast(_ThereAndBack(movq), compiled), drawn_ahead(Drawing(seed, batch_size, "movq"))

    def loss_of(step: int) -> dict[str, Tensor]:
        images, weight = pictures(step, movq.device)
        target = (images * 2 - 1).contiguous(memory_format=layout(movq.device))
        noise = 0.03 * torch.randn(batch_size, 4, LATENTS, LATENTS, generator=seeded(seed, "movq noise", step))
        known = () if former is None else (encoded(former, target),)
        latents, output = run(target, noise.to(movq.device), *known)
        flat = rearrange(latents.float(), "b c h w -> c (b h w)")
        unit = flat.mean(1).pow(2).mean() + (flat.std(1) - 1).pow(2).mean()
        kept = (latents.float() - known[0].float()).pow(2).mean() if known else 0.02 * unit
        _, codebook, _ = movq.quantize(latents.detach().float())
        off = output.float() - target
        return {"loss": weighted_error(off, weight) + kept + codebook, "psnr": psnr(off), "latents": kept}

    return loss_of


def weighted_error(
    off: Float[Tensor, "picture 3 height width"], weight: Float[Tensor, "picture 16 16"]
) -> Float[Tensor, ""]:
    """Return the weighted error of pictures that are `off` by this: absolute, squared, and of edges."""
    weights = F.interpolate(weight[:, None], size=off.shape[-2:])
    sharp = (off.diff(dim=2) * weights[..., 1:, :]).abs().mean() + (off.diff(dim=3) * weights[..., 1:]).abs().mean()
    return (off.abs() * weights).mean() + 2 * (off.pow(2) * weights).mean() + 0.5 * sharp


def psnr(off: Float[Tensor, "picture 3 height width"]) -> Float[Tensor, ""]:
    """Return the peak signal-to-noise ratio in dB of pictures in -1..1 that are `off` by this."""
    return -10 * torch.log10(off.pow(2).mean() / 4)


@torch.no_grad()
def encoded(movq: VQModel, images: Float[Tensor, "picture 3 height width"]) -> Float[Tensor, "picture 4 16 16"]:
    """Return the latents of pictures in -1..1, which are shrunk to MoVQ's own size first."""
    return movq.encode(F.adaptive_avg_pool2d(images, movq.config.sample_size)).latents


class _ThereAndBack(nn.Module):
    """MoVQ's encoder and decoder, with noise between them."""

    def __init__(self, movq: VQModel):
        super().__init__()
        self.movq = movq

    def forward(self, images: Tensor, noise: Tensor, known: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return the latents, and what is decoded from them or from the `known` ones, noisy and not quantised."""
        latents = self.movq.encode(images).latents
        noisy = (latents if known is None else known) + noise
        # `decode` also copies a zero from the CPU, which no CUDA graph can hold
        return latents, self.movq.decoder(self.movq.post_quant_conv(noisy), noisy)


class Drawing:
    """Draws the pictures of some steps of a stage, each from its number."""

    def __init__(self, seed: int, batch_size: int, stage: str):
        self.seed, self.cut, self.whole = seed, batch_size // CUTOUTS, batch_size - batch_size // CUTOUTS
        self.stage = stage

    def __call__(self, steps: Sequence[int], device: torch.device) -> list[Pictures]:
        drawn = render(concatenate([scenes(self.whole, seeded(self.seed, self.stage, n)) for n in steps]).to(device))
        images, weights = drawn.images.split(self.whole), focus(drawn).split(self.whole)
        made: list[Pictures] = []
        for number, image, weight in zip(steps, images, weights, strict=True):
            generator = seeded(self.seed, f"{self.stage} cutouts", number)
            who = identities(self.cut, generator, held_out=False).to(device)
            cutouts = render_cutouts(who, generator, PIXELS)
            made.append((torch.cat([cutouts, image]), torch.cat([torch.ones_like(weight[: self.cut]), weight])))
        return made


def focus(drawn: Rendered) -> Float[Tensor, "picture 16 16"]:
    """Return each latent's weight: 1 on the place, up to 4 on a subject, 6 more on worn things, divided by the mean."""
    weight = 1 + 3 * drawn.subjects.sum(1) + 6 * drawn.worn.sum(1)
    pooled = F.adaptive_avg_pool2d(weight, LATENTS)
    return pooled / pooled.mean((1, 2), keepdim=True)
