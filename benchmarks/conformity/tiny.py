"""Small networks with random weights, in the structure of the published ones."""

import gzip
import json
from pathlib import Path
from typing import Any

import open_clip
import torch
from diffusers import DDPMScheduler, KandinskyV22Pipeline, UNet2DConditionModel, VQModel
from open_clip.tokenizer import default_bpe
from torch import nn

DIM, CONTEXT = 32, 24
PRIORS: dict[str, dict[str, Any]] = {
    "small": {"num_attention_heads": 2, "attention_head_dim": 8, "num_layers": 3, "embedding_dim": DIM},
    "published": {"num_attention_heads": 16, "attention_head_dim": 32, "num_layers": 10, "embedding_dim": 1280},
}
"""The shapes of the prior."""
TEXT: dict[str, Any] = {
    "hidden_size": DIM, "intermediate_size": 72, "num_attention_heads": 2, "num_hidden_layers": 2,
    "projection_dim": DIM, "vocab_size": 49408, "max_position_embeddings": CONTEXT, "hidden_act": "gelu",
    "eos_token_id": 49407, "bos_token_id": 49406, "pad_token_id": 0,
}  # fmt: skip
VISION: dict[str, Any] = {
    "hidden_size": 48, "intermediate_size": 100, "num_attention_heads": 3, "num_hidden_layers": 2,
    "projection_dim": DIM, "image_size": 32, "patch_size": 16, "hidden_act": "gelu",
}  # fmt: skip
UNET: dict[str, Any] = {
    "sample_size": 8, "in_channels": 4, "out_channels": 8, "layers_per_block": 1, "block_out_channels": (16, 32),
    "norm_num_groups": 8, "down_block_types": ("ResnetDownsampleBlock2D", "SimpleCrossAttnDownBlock2D"),
    "mid_block_type": "UNetMidBlock2DSimpleCrossAttn",
    "up_block_types": ("SimpleCrossAttnUpBlock2D", "ResnetUpsampleBlock2D"), "attention_head_dim": 8,
    "cross_attention_dim": 16, "encoder_hid_dim": DIM, "encoder_hid_dim_type": "image_proj",
    "addition_embed_type": "image", "resnet_time_scale_shift": "scale_shift",
}  # fmt: skip
MOVQ: dict[str, Any] = {
    "block_out_channels": (32, 32, 32), "latent_channels": 4, "layers_per_block": 1, "norm_num_groups": 8,
    "down_block_types": ("DownEncoderBlock2D", "DownEncoderBlock2D", "AttnDownEncoderBlock2D"),
    "up_block_types": ("AttnUpDecoderBlock2D", "UpDecoderBlock2D", "UpDecoderBlock2D"), "norm_type": "spatial",
    "num_vq_embeddings": 16, "vq_embed_dim": 4,
}  # fmt: skip


def shake(model: nn.Module, generator: torch.Generator, spread: float) -> nn.Module:
    """Draw every parameter anew: published classes start several at zero, which would hide them."""
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(spread * torch.randn(parameter.shape, generator=generator))
    return model.eval()


def save_decoder(folder: Path, seed: int) -> Path:
    """Write a decoder with its scheduler in diffusers' layout."""
    torch.manual_seed(seed)
    scheduler = DDPMScheduler(beta_start=0.00085, beta_end=0.012, clip_sample=False, steps_offset=1)
    parts = {"unet": UNet2DConditionModel(**UNET), "movq": VQModel(**MOVQ), "scheduler": scheduler}
    KandinskyV22Pipeline(**parts).save_pretrained(folder, safe_serialization=True)
    return folder


def save_tokenizer(folder: Path) -> Path:
    """Write CLIP's vocabulary and merges as transformers reads them, from those that open_clip has."""
    folder.mkdir(parents=True)
    vocabulary = open_clip.SimpleTokenizer().encoder
    merges = gzip.decompress(Path(default_bpe()).read_bytes()).decode().split("\n")[1 : 49152 - 256 - 2 + 1]
    (folder / "vocab.json").write_text(json.dumps(rename_special(vocabulary)), encoding="utf-8")
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *merges]) + "\n", encoding="utf-8")
    return folder


def rename_special(vocabulary: dict[str, int]) -> dict[str, int]:
    """Return the vocabulary with transformers' spelling of the start and the end token."""
    names = {"<start_of_text>": "<|startoftext|>", "<end_of_text>": "<|endoftext|>"}
    return {names.get(word, word): number for word, number in vocabulary.items()}
