"""A photograph's latents: where denoising begins, and the part of them that stays."""

from dataclasses import dataclass
from typing import Any

from jaxtyping import Float
from torch import Tensor

from lambda_studio.config import GenerateConfig
from lambda_studio.generation.inputs import PictureInputs, redrawn_latents
from lambda_studio.models.decoders.protocol import Condition, Decoder, first_weight


@dataclass(frozen=True)
class Known:
    """The latents of a photograph, as diffusers' KandinskyV22Img2ImgPipeline and KandinskyV22InpaintPipeline use them.

    Args:
        keep: 1 for latents that stay, 0 for those that are drawn anew. None: all are drawn anew.
        skipped: the number of steps of the schedule that are not run.
    """

    latents: Float[Tensor, "1 channel h w"]
    keep: Float[Tensor, "1 1 h w"] | None
    skipped: int

    def start(self, scheduler: Any, noise: Float[Tensor, "batch channel h w"]) -> Float[Tensor, "batch channel h w"]:
        """Return the photograph with the noise of the first step; with a mask and no skipped step, noise alone."""
        if self.keep is not None and not self.skipped:
            return noise * scheduler.init_noise_sigma
        return self._noised(scheduler, noise, scheduler.timesteps[self.skipped])

    def settled(
        self, latents: Float[Tensor, "batch channel h w"], scheduler: Any, noise: Tensor, step: int
    ) -> Float[Tensor, "batch channel h w"]:
        """Return the latents after a step, by its number, with the photograph's at the same noise where they stay."""
        if self.keep is None:
            return latents
        own, following = self.latents, scheduler.timesteps[step + 1 :]
        if len(following):
            own = self._noised(scheduler, noise, following[0])
        return self.keep * own + (1 - self.keep) * latents

    def _noised(self, scheduler: Any, noise: Tensor, timestep: Tensor) -> Tensor:
        return scheduler.add_noise(self.latents.expand_as(noise), noise, timestep.reshape(1)).to(noise.dtype)


def known_latents(decoder: Decoder, inputs: PictureInputs, config: GenerateConfig) -> Known | None:
    """Encode the photograph; None if there is none."""
    if inputs.image is None:
        return None
    weight = first_weight(decoder.unet)
    keep = None if inputs.mask is None else 1 - redrawn_latents(inputs.mask, decoder.scale_factor).to(weight)
    latents = decoder.encode(inputs.image[None]).to(weight)
    return Known(latents, keep, config.num_inference_steps - config.steps_run)


def picture_condition(decoder: Decoder, inputs: PictureInputs, known: Known | None, rows: int) -> Condition:
    """Return what an inpainting or ControlNet decoder is told of the given pictures. Raises InvalidSetting."""
    inputs.require(decoder.needs)
    found: dict[str, Tensor] = {}
    if "mask" in decoder.needs and known is not None and known.keep is not None:
        found = {"masked_latents": known.latents * known.keep, "keep": known.keep}
    if "depth" in decoder.needs and inputs.depth is not None:
        found["hint"] = inputs.depth.expand(1, 3, -1, -1).to(first_weight(decoder.unet))
    return {name: tensor.expand(rows, -1, -1, -1) for name, tensor in found.items()}
