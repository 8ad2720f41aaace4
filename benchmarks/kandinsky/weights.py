"""Networks with random weights, drawn on the device. Nothing is read from the disk."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from diffusers.models.autoencoders.vq_model import VQModel
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from diffusers.schedulers.scheduling_ddim import DDIMScheduler
from open_clip.transform import PreprocessCfg
from torch import nn

from lambda_studio.models.clip.clip import BOTH_TOWERS, Clip, Tower, build_clip
from lambda_studio.models.clip.files import ClipFiles
from lambda_studio.models.decoders.kandinsky import KandinskyDecoder
from lambda_studio.models.decoders.kandinsky_files import movq_scale_factor
from lambda_studio.models.decoders.protocol import BOTH_PARTS, Part
from lambda_studio.models.prior import PriorTransformer

from .shapes import SCHEDULE, Shapes

CLIP_NAME = "ViT-bigG-14"


class NoFiles(ClipFiles):
    """A CLIP's configuration without files."""

    fingerprint = "random"


@dataclass(frozen=True)
class Models:
    """The networks of one size on one device. Each call draws new weights."""

    shapes: Shapes
    device: torch.device

    def decoder(self, dtype: torch.dtype, parts: Sequence[Part] = BOTH_PARTS) -> KandinskyDecoder:
        """Return a decoder with these parts."""
        builders = {
            "unet": lambda: UNet2DConditionModel(**self.shapes.unet),
            "autoencoder": lambda: VQModel(**self.shapes.movq),
        }
        made: dict[str, Any] = {part: self._draw(builders[part], dtype) for part in parts}
        factor = movq_scale_factor(self.shapes.movq)
        scheduler = DDIMScheduler(**SCHEDULE)
        return KandinskyDecoder(made.get("unet"), made.get("autoencoder"), scheduler, scale_factor=factor)

    def clip(self, dtype: torch.dtype, towers: Sequence[Tower] = BOTH_TOWERS) -> Clip:
        """Return a CLIP with these towers."""
        config = dict(self.shapes.clip)
        model: Any = self._draw(lambda: build_clip(config, towers), dtype)
        if getattr(model, "attn_mask", None) is not None:  # a buffer, which has no random values
            length = config["text_cfg"]["context_length"]
            model.attn_mask = torch.full((length, length), -torch.inf, device=self.device, dtype=dtype).triu(1)
        return Clip(model, NoFiles(CLIP_NAME, config, asdict(PreprocessCfg()), ()), towers)

    def prior(self) -> PriorTransformer:
        """Return a λ prior in float32. All its weights can be trained, except the two unused ones."""
        prior = self._draw(lambda: PriorTransformer(**self.shapes.prior), torch.float32).requires_grad_(True)
        for unused in (prior.clip_mean, prior.clip_std):
            unused.requires_grad_(False)
        return prior

    def _draw(self, build: Callable[[], Any], dtype: torch.dtype) -> Any:
        with torch.device("meta"):
            model = build()
        nn.Module.to(model, dtype)  # diffusers' own `to` warns, although there are no values yet
        model.to_empty(device=self.device)
        draw_weights(model)
        return model.eval().requires_grad_(False)


@torch.no_grad()
def draw_weights(model: nn.Module) -> None:
    """Draw matrices that keep the variance of their inputs. Norms become the identity, biases zero."""
    for name, parameter in model.named_parameters():
        if parameter.dim() > 1:
            parameter.normal_(std=parameter[0].numel() ** -0.5)
        else:
            parameter.fill_(1.0 if name.endswith("weight") else 0.0)
