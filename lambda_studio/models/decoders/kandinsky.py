"""Kandinsky 2.2's decoder: from an image embedding to a picture, and from a picture to what Eq. 2 needs."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import torch
from diffusers.models.autoencoders.vq_model import VQModel
from diffusers.models.modeling_utils import ModelMixin
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from diffusers.schedulers.scheduling_ddim import DDIMScheduler
from einops import repeat
from jaxtyping import Float, Int
from torch import Tensor

from lambda_studio.config import GenerateConfig, require
from lambda_studio.errors import ModelFilesInvalid, StudioError
from lambda_studio.models.files import OTHER_ROUTES, OnDownload, fingerprint, get_file, read_json

Part = Literal["unet", "movq"]
BOTH_PARTS: tuple[Part, ...] = ("unet", "movq")
OnStep = Callable[[int, int], None]
"""Called after each denoising step with how many are done, and of how many."""


class Decoder:
    """A UNet conditioned on image embeddings, the MoVQ whose latents it denoises, and a DDIM scheduler."""

    def __init__(
        self,
        unet: UNet2DConditionModel | None,
        movq: VQModel | None,
        scheduler: DDIMScheduler,
        *,
        scale_factor: int | None = None,
        fingerprints: dict[str, str] | None = None,
    ):
        self._parts: dict[str, Any] = {"unet": unet, "movq": movq}
        self.scheduler = scheduler
        self.scale_factor: int = scale_factor or movq_scale_factor(self.movq.config)
        """Pixels on a side of one latent: 8 in Kandinsky 2.2."""
        self.fingerprints = fingerprints or {}
        """What the parts are: `unet` and `movq`, each a SHA-256 of configuration and weights."""

    @property
    def unet(self) -> UNet2DConditionModel:
        """The network that fine-tuning trains. Raises StudioError where it was not loaded."""
        return self._get("unet")

    @property
    def movq(self) -> VQModel:
        """The spatially normalised VQ autoencoder. Raises StudioError where it was not loaded."""
        return self._get("movq")

    @property
    def parts(self) -> frozenset[str]:
        """Which of `unet` and `movq` are loaded."""
        return frozenset(name for name, part in self._parts.items() if part is not None)

    def joined(self, other: "Decoder") -> "Decoder":
        """This decoder with the other's parts too."""
        return self._with({**self._parts, **{name: other._parts[name] for name in other.parts}}, other.fingerprints)

    def without(self, part: str) -> "Decoder":
        """This decoder without a part, whose memory is free once nothing else holds it."""
        return self._with({**self._parts, part: None}, {})

    def _with(self, parts: dict[str, Any], more_fingerprints: dict[str, str]) -> "Decoder":
        fingerprints = {**self.fingerprints, **more_fingerprints}
        return Decoder(**parts, scheduler=self.scheduler, scale_factor=self.scale_factor, fingerprints=fingerprints)

    @property
    def resolution(self) -> int:
        """The side, in pixels, of the pictures that the UNet was trained on."""
        return self.unet.config["sample_size"] * self.scale_factor

    @torch.no_grad()
    def encode(self, pixels: Float[Tensor, "batch 3 height width"]) -> Float[Tensor, "batch 4 h w"]:
        """Latents of pictures in 0..1; unscaled, as the UNet was trained (movq's scaling_factor is not applied)."""
        return self.movq.encode((2 * pixels - 1).to(self.movq.device, self.movq.dtype)).latents.float()

    @torch.no_grad()
    def decode(self, latents: Float[Tensor, "batch 4 h w"]) -> Float[Tensor, "batch 3 height width"]:
        """Pictures in 0..1."""
        latents = latents.to(self.movq.device, self.movq.dtype)
        return (self.movq.decode(latents, force_not_quantize=True).sample.float() / 2 + 0.5).clamp(0, 1)

    def predict_noise(
        self,
        noisy_latents: Float[Tensor, "batch 4 h w"],
        timesteps: Int[Tensor, " batch"] | Int[Tensor, ""],
        image_embeds: Float[Tensor, "batch dim"],
    ) -> Float[Tensor, "batch 8 h w"]:
        """The UNet's raw output: four channels of noise, four of variance. Gradients flow."""
        return predict_noise(self.unet, noisy_latents, timesteps, image_embeds)

    def sample(
        self,
        image_embeds: Float[Tensor, "batch dim"],
        negative_image_embeds: Float[Tensor, " dim"],
        seeds: Sequence[int],
        config: GenerateConfig,
        on_step: OnStep | None = None,
    ) -> Float[Tensor, "batch 3 height width"]:
        """Draw one picture for each embedding, in 0..1; but for rounding, picture i does not depend on the others.

        Equal to diffusers' KandinskyV22Pipeline with the same scheduler and one CPU generator for each picture.
        Raises InvalidSetting for a resolution that the UNet cannot draw.
        """
        with torch.inference_mode():
            latents = self._denoise(image_embeds, negative_image_embeds, seeds, config, on_step)
        return self.decode(latents.clone())

    def _denoise(
        self,
        image_embeds: Float[Tensor, "batch dim"],
        negative_image_embeds: Float[Tensor, " dim"],
        seeds: Sequence[int],
        config: GenerateConfig,
        on_step: OnStep | None,
    ) -> Float[Tensor, "batch 4 h w"]:
        unet, guided = self.unet, config.guidance_scale != 1
        timesteps = self._timesteps(config.num_inference_steps)
        latents = self._initial_noise(seeds, config.resolution or self.resolution).to(unet.device, unet.dtype)
        condition = image_embeds.to(unet.device, unet.dtype)
        if guided:
            negative = repeat(negative_image_embeds.to(condition), "d -> b d", b=len(condition))
            condition = torch.cat([negative, condition])
        for step, timestep in enumerate(timesteps):
            batch = torch.cat([latents, latents]) if guided else latents
            noise_pred = predict_noise(unet, batch, torch.tensor(timestep, device=unet.device), condition)[:, :4]
            if guided:
                negative, positive = noise_pred.chunk(2)
                noise_pred = negative + config.guidance_scale * (positive - negative)
            latents = self.scheduler.step(noise_pred, timestep, latents, return_dict=False)[0]
            if on_step:
                on_step(step + 1, len(timesteps))
        return latents

    def _timesteps(self, num_inference_steps: int) -> list[int]:
        self.scheduler.set_timesteps(num_inference_steps)
        timesteps = self.scheduler.timesteps.tolist()
        limit = self.scheduler.config["num_train_timesteps"]
        require(max(timesteps) < limit, f"--steps is {num_inference_steps}.", f"Give less than {limit}.")
        return timesteps

    def _initial_noise(self, seeds: Sequence[int], resolution: int) -> Float[Tensor, "batch 4 h w"]:
        multiple = self.scale_factor * 2 ** (len(self.unet.config["block_out_channels"]) - 1)
        require(
            resolution > 0 and resolution % multiple == 0,
            f"The resolution is {resolution}.",
            f"This decoder draws multiples of {multiple}.",
        )
        side = resolution // self.scale_factor
        return torch.cat([seeded_noise(seed, (1, 4, side, side)) for seed in seeds])

    def _get(self, name: str) -> Any:
        if self._parts[name] is None:
            raise StudioError(f"The decoder's {name} was not loaded.", f"Load the decoder with parts=({name!r},).")
        return self._parts[name]


def predict_noise(
    unet: torch.nn.Module,
    noisy_latents: Float[Tensor, "batch 4 h w"],
    timesteps: Int[Tensor, " batch"] | Int[Tensor, ""],
    image_embeds: Float[Tensor, "batch dim"],
) -> Float[Tensor, "batch 8 h w"]:
    """A UNet's raw output; also for one that accelerate has wrapped."""
    condition = {"image_embeds": image_embeds}
    return unet(noisy_latents, timesteps, encoder_hidden_states=None, added_cond_kwargs=condition, return_dict=False)[0]


def seeded_noise(seed: int, shape: tuple[int, ...]) -> Float[Tensor, "..."]:
    """Standard normal noise that is the same on every device."""
    return torch.randn(shape, generator=torch.Generator("cpu").manual_seed(seed))


def movq_scale_factor(config: Any) -> int:
    """Pixels on a side of one latent of a MoVQ with this configuration."""
    return 2 ** (len(config["block_out_channels"]) - 1)


def load_decoder(
    source: str | Path,
    device: str | torch.device = "cpu",
    dtype: torch.dtype = torch.float32,
    parts: Sequence[Part] = BOTH_PARTS,
    revision: str | None = None,
    variant: str | None = None,
    on_download: OnDownload | None = None,
) -> Decoder:
    """Load a decoder, or one part of it, from a folder or hub id in diffusers' layout (unet/ movq/ scheduler/).

    Raises ModelFilesMissing and ModelFilesInvalid.
    """
    files = find_decoder(source, parts, revision, variant, on_download)
    classes = {"unet": UNet2DConditionModel, "movq": VQModel}
    loaded = {part: load_model(classes[part], files[part].parent, device, dtype, variant) for part in parts}
    return Decoder(
        loaded.get("unet"),
        loaded.get("movq"),
        released_scheduler(read_json(files["scheduler"])),
        scale_factor=movq_scale_factor(read_json(files["movq_config"])),
        fingerprints={part: model_fingerprint(files[part]) for part in parts},
    )


def find_decoder(
    source: str | Path,
    parts: Sequence[Part] = BOTH_PARTS,
    revision: str | None = None,
    variant: str | None = None,
    on_download: OnDownload | None = None,
) -> dict[str, Path]:
    """The files of a decoder's parts, fetched where they are on the hub: each part's weights, and what goes with them.

    Raises ModelFilesMissing.
    """
    names: dict[str, str] = {
        "scheduler": "scheduler/scheduler_config.json",
        "unet_config": "unet/config.json",
        "movq_config": "movq/config.json",
        **{part: f"{part}/diffusion_pytorch_model{f'.{variant}' if variant else ''}.safetensors" for part in parts},
    }
    return {key: get_file(str(source), [name], revision, on_download) for key, name in names.items()}


def released_scheduler(config: dict[str, Any]) -> DDIMScheduler:
    """DDIM with the decoder's noise schedule, without clipping: what it was released with, and later changed."""
    known = {key: value for key, value in config.items() if not key.startswith("_") and key != "variance_type"}
    return DDIMScheduler.from_config({**known, "clip_sample": False})


def load_model(
    model_class: type[ModelMixin],
    folder: Path,
    device: str | torch.device,
    dtype: torch.dtype,
    variant: str | None = None,
) -> Any:
    """One of diffusers' models from a folder of config.json and safetensors, frozen. Raises ModelFilesInvalid."""
    try:
        loaded: Any = model_class.from_pretrained(
            folder,
            use_safetensors=True,
            torch_dtype=dtype,
            variant=variant,
            local_files_only=True,
            output_loading_info=True,
        )
    except (OSError, ValueError, TypeError, KeyError, RuntimeError) as error:
        why = str(error).splitlines()[0].split(". ")[0][:300]
        raise ModelFilesInvalid(f"{folder} holds no {model_class.__name__} ({why}).", OTHER_ROUTES) from error
    model, info = loaded
    wrong = sorted(info["missing_keys"]) + sorted(info["unexpected_keys"])
    if wrong:  # diffusers would go on with random weights
        raise ModelFilesInvalid(
            f"The weights in {folder} do not match its config.json: {', '.join(wrong[:3])} ({len(wrong)} in all).",
            OTHER_ROUTES,
        )
    return model.to(device).eval().requires_grad_(False)


def model_fingerprint(weights: Path) -> str:
    """A SHA-256 of a model's weights and of the config.json beside them."""
    return fingerprint(read_json(weights.parent / "config.json"), [weights])
