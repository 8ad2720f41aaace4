"""LoRAs of the tiny UNet, as peft and diffusers write them."""

from pathlib import Path

import torch
from diffusers import UNet2DConditionModel
from peft import LoraConfig

from lambda_studio.models.adapters.lora.shape import ATTENTION


def tuned_unet(decoder_folder: Path, **config) -> UNet2DConditionModel:
    """The tiny UNet with a LoRA whose updates are not zero, put on by peft through diffusers."""
    unet = UNet2DConditionModel.from_pretrained(decoder_folder / "unet")
    settings = {"r": 4, "lora_alpha": 4, "target_modules": list(ATTENTION), **config}
    unet.add_adapter(LoraConfig(**settings), "default")
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, parameter in unet.named_parameters():
            if ".lora_" in name:
                parameter.copy_(0.3 * torch.randn(parameter.shape, generator=generator))
    return unet.eval()


def predict(unet: torch.nn.Module) -> torch.Tensor:
    """The UNet's output for a fixed input."""
    generator = torch.Generator().manual_seed(1)
    latents, embeds = torch.randn(2, 4, 8, 8, generator=generator), torch.randn(2, 32, generator=generator)
    with torch.no_grad():
        return unet(latents, torch.tensor(500), None, added_cond_kwargs={"image_embeds": embeds}).sample
