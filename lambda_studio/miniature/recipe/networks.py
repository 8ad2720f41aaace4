"""The sizes of the miniature's networks, each in the published layout of its full-size counterpart."""

import gzip
import itertools
import json
from pathlib import Path
from typing import Any

import open_clip
from diffusers.models.autoencoders.vq_model import VQModel
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from diffusers.schedulers.scheduling_ddpm import DDPMScheduler
from open_clip.tokenizer import SimpleTokenizer
from torch import nn

from lambda_studio.miniature.world.captions import OPENINGS, PLACE_PHRASES
from lambda_studio.miniature.world.figures import PATTERNS
from lambda_studio.miniature.world.identities import COLOURS, NOUNS
from lambda_studio.miniature.world.rendering import PIXELS, SEEN
from lambda_studio.miniature.world.scenes import RELATIONS
from lambda_studio.models.prior import PriorTransformer

DIM = 256
CONTEXT_LENGTH = 32
LATENTS = 16
"""The side of MoVQ's latents."""
MERGES_FILE = "bpe_merges.txt.gz"
WORDS = (
    "a an the and or of in on at with to by for from under over near behind beside next holding wearing riding "
    "carrying photo picture drawing edges subject white background small big large old new happy sitting "
    "standing playing hot cold person man woman child kitten puppy toy doll animal hats shoes boot sneaker "
    "glasses sunglasses plushie red-hat rabbit horse house tree sun rain night day morning street park garden "
    "kitchen table floor mountain sea lake can candle bowl cup pot box ball book bag chair bike train plane "
    "duck fish cow sheep lion tiger elephant "
)
"""Words from outside the drawn world whose merges the short tokenizer also has."""


def vocabulary() -> list[str]:
    """Return every word whose merges the miniature's tokenizer needs."""
    phrases = [WORDS, *OPENINGS, *NOUNS, *PATTERNS, *COLOURS, *RELATIONS]
    phrases += [phrase for phrases_of_place in PLACE_PHRASES.values() for phrase in phrases_of_place]
    return sorted({word for phrase in phrases for word in phrase.replace("-", " ").split()})


def _merges_for(word: str, ranks: dict[tuple[str, str], int]) -> set[tuple[str, str]]:
    """Return the merges that byte-pair encoding applies to one word."""
    parts, used = [*word[:-1], word[-1] + "</w>"], set()
    while len(parts) > 1:
        pairs = list(itertools.pairwise(parts))
        best = min(pairs, key=lambda pair: ranks.get(pair, len(ranks)))
        if best not in ranks:
            break
        used.add(best)
        at = pairs.index(best)
        parts[at : at + 2] = ["".join(best)]
    return used


def write_merges(path: Path) -> int:
    """Write the CLIP merges that the vocabulary needs, in CLIP's order, and return the tokenizer's vocabulary size.

    The embedding table of CLIP's 49,152 tokens would be larger than the rest of the miniature.
    """
    ranks = SimpleTokenizer().bpe_ranks
    used = set().union(*(_merges_for(word, ranks) for word in vocabulary()))
    lines = ["#version: CLIP's merges, those that the miniature's vocabulary needs"]
    lines += [" ".join(pair) for pair in sorted(used, key=ranks.__getitem__)]
    path.write_bytes(gzip.compress("\n".join(lines).encode(), mtime=0))
    return SimpleTokenizer(bpe_path=str(path)).vocab_size


def clip_config(vocab_size: int) -> dict[str, Any]:
    """Return the content of `open_clip_config.json`."""
    # CLIP's own ResNet: on a few hundred thousand pictures it needs a fraction of a transformer's training steps
    vision = {"layers": [1, 2, 2, 1], "width": 28, "head_width": 32, "image_size": SEEN}
    text = {"context_length": CONTEXT_LENGTH, "vocab_size": vocab_size, "width": DIM, "heads": 8, "layers": 3}
    return {
        "model_cfg": {"embed_dim": DIM, "vision_cfg": vision, "text_cfg": text},
        "preprocess_cfg": {"mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5], "interpolation": "bicubic"},
    }


def build_clip(folder: Path) -> nn.Module:
    """Return an untrained CLIP, and write its configuration and merges to `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    config = clip_config(write_merges(folder / MERGES_FILE))
    (folder / "open_clip_config.json").write_text(json.dumps(config, indent=1) + "\n")
    return open_clip.CLIP(**config["model_cfg"])


def build_movq() -> VQModel:
    """Return a spatially normalised VQModel that encodes 128 pixels as 16 x 16 latents."""
    return VQModel(
        in_channels=3, out_channels=3, latent_channels=4, vq_embed_dim=4, num_vq_embeddings=1024, layers_per_block=1,
        block_out_channels=(32, 32, 64, 96), norm_num_groups=16, norm_type="spatial", sample_size=PIXELS,
        down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4,
    )  # fmt: skip


def build_unet() -> UNet2DConditionModel:
    """Return a small Kandinsky 2.2 UNet: image projection, added keys and values, four channels in, eight out."""
    return UNet2DConditionModel(
        sample_size=LATENTS, in_channels=4, out_channels=8, block_out_channels=(64, 112, 160), layers_per_block=1,
        down_block_types=("ResnetDownsampleBlock2D", "SimpleCrossAttnDownBlock2D", "SimpleCrossAttnDownBlock2D"),
        mid_block_type="UNetMidBlock2DSimpleCrossAttn",
        up_block_types=("SimpleCrossAttnUpBlock2D", "SimpleCrossAttnUpBlock2D", "ResnetUpsampleBlock2D"),
        cross_attention_dim=128, attention_head_dim=16, encoder_hid_dim=DIM, encoder_hid_dim_type="image_proj",
        addition_embed_type="image", resnet_time_scale_shift="scale_shift", norm_num_groups=16,
    )  # fmt: skip


def build_scheduler() -> DDPMScheduler:
    """Return Kandinsky 2.2's released noise schedule (`clip_sample` off)."""
    return DDPMScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="linear", clip_sample=False, steps_offset=1,
        timestep_spacing="leading", prediction_type="epsilon",
    )  # fmt: skip


def build_prior() -> PriorTransformer:
    """Return an untrained λ prior at the miniature's widths."""
    return PriorTransformer(
        num_attention_heads=8, attention_head_dim=32, num_layers=6, embedding_dim=DIM, num_embeddings=CONTEXT_LENGTH
    )
