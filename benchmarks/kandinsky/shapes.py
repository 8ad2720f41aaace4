"""The configurations of Kandinsky 2.2's networks, and of tiny networks with the same structure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import open_clip

DOWN_BLOCKS = ("ResnetDownsampleBlock2D", *("SimpleCrossAttnDownBlock2D",) * 3)
UP_BLOCKS = (*("SimpleCrossAttnUpBlock2D",) * 3, "ResnetUpsampleBlock2D")
UNET_STRUCTURE: dict[str, Any] = {
    "in_channels": 4,
    "out_channels": 8,
    "mid_block_type": "UNetMidBlock2DSimpleCrossAttn",
    "encoder_hid_dim_type": "image_proj",
    "addition_embed_type": "image",
    "resnet_time_scale_shift": "scale_shift",
}
MOVQ_STRUCTURE: dict[str, Any] = {"norm_type": "spatial", "latent_channels": 4, "vq_embed_dim": 4}
SCHEDULE: dict[str, Any] = {
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "linear",
    "clip_sample": False,
    "set_alpha_to_one": False,
    "steps_offset": 1,
}
"""The released noise schedule, for DDIM."""


@dataclass(frozen=True, kw_only=True)
class Shapes:
    """The configuration of each network."""

    unet: Mapping[str, Any]
    movq: Mapping[str, Any]
    clip: Mapping[str, Any]
    prior: Mapping[str, Any]
    resolution: int
    """Pixels on a side of the pictures."""


FULL = Shapes(
    unet={
        **UNET_STRUCTURE,
        "sample_size": 64,
        "block_out_channels": (384, 768, 1152, 1536),
        "layers_per_block": 3,
        "down_block_types": DOWN_BLOCKS,
        "up_block_types": UP_BLOCKS,
        "attention_head_dim": 64,
        "cross_attention_dim": 768,
        "encoder_hid_dim": 1280,
    },
    movq={
        **MOVQ_STRUCTURE,
        "block_out_channels": (128, 256, 256, 512),
        "layers_per_block": 2,
        "down_block_types": (*("DownEncoderBlock2D",) * 3, "AttnDownEncoderBlock2D"),
        "up_block_types": ("AttnUpDecoderBlock2D", *("UpDecoderBlock2D",) * 3),
        "num_vq_embeddings": 16384,
    },
    clip=open_clip.get_model_config("ViT-bigG-14"),
    prior={},  # the defaults of PriorTransformer are the published prior's
    resolution=512,
)
"""Kandinsky 2.2's decoder, CLIP bigG and the λ prior."""

TINY = Shapes(
    unet={
        **UNET_STRUCTURE,
        "sample_size": 8,
        "block_out_channels": (32, 64),
        "layers_per_block": 1,
        "down_block_types": DOWN_BLOCKS[:2],
        "up_block_types": UP_BLOCKS[-2:],
        "attention_head_dim": 16,
        "cross_attention_dim": 32,
        "encoder_hid_dim": 64,
    },
    movq={
        **MOVQ_STRUCTURE,
        "block_out_channels": (32, 64),
        "layers_per_block": 1,
        "down_block_types": ("DownEncoderBlock2D", "AttnDownEncoderBlock2D"),
        "up_block_types": ("AttnUpDecoderBlock2D", "UpDecoderBlock2D"),
        "num_vq_embeddings": 64,
    },
    clip={
        "embed_dim": 64,
        "vision_cfg": {"image_size": 32, "layers": 1, "width": 64, "head_width": 32, "patch_size": 16},
        "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 64, "heads": 2, "layers": 1},
    },
    prior={"num_attention_heads": 2, "num_layers": 1, "embedding_dim": 64},
    resolution=16,
)
"""The same structure in a size for two CPU cores."""
