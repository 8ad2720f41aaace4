"""Stable unCLIP and Karlo as the hub has them: their real configurations, made small, with random weights."""

import json
from pathlib import Path
from typing import Any

import torch
from diffusers import (
    AutoencoderKL,
    DDPMScheduler,
    PNDMScheduler,
    StableUnCLIPImg2ImgPipeline,
    UnCLIPImageVariationPipeline,
    UnCLIPScheduler,
    UNet2DConditionModel,
    UNet2DModel,
)
from diffusers.pipelines.deprecated.unclip import UnCLIPTextProjModel
from diffusers.pipelines.stable_diffusion import StableUnCLIPImageNormalizer
from torch import nn
from transformers import (
    CLIPImageProcessor,
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    CLIPTokenizer,
    CLIPVisionConfig,
    CLIPVisionModelWithProjection,
)

from lambda_studio.models.files.sources import Source

FACTS = Path(__file__).parents[6] / "shared" / "facts" / "configs"
DIMS = {"h": 32, "l": 24}
"""The embeddings' numbers, small: 1024 of ViT-H/14 and 768 of ViT-L/14 in the published ones."""
WIDTH = 16
"""The width of the text encoders."""
LENGTH = 11
"""Positions of a prompt: 77 in the published ones. With the four of the image they must not be as many as a picture's
positions, because diffusers cannot mask them then."""
CUT = {"down": slice(2), "up": slice(-2, None)}
"""Of four blocks that go down and four that go up, the outer two."""
SMALL_TEXT: dict[str, Any] = {"num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24}


def facts(name: str) -> dict[str, Any]:
    """The configuration of a published part."""
    return json.loads((FACTS / f"{name}.json").read_text())["config"]


def published(folder: Path, family: str) -> Source:
    """The published configurations of `stable-unclip-h`, `stable-unclip-l` or `karlo`, without weights."""
    size = family[-1]
    named = {
        "karlo": {
            "decoder": facts("karlo_decoder"),
            "text_proj": facts("karlo_text_proj"),
            "super_res_first": facts("karlo_super_res"),
            "super_res_last": {**facts("karlo_super_res"), "sample_size": None},
            "text_encoder": facts("karlo_text_encoder"),
        }
    }.get(family) or {
        "unet": facts(f"stable_unclip_unet_{size}"),
        "vae": facts("stable_unclip_vae"),
        "image_normalizer": facts("stable_unclip_image_normalizer")[size],
        "text_encoder": facts("stable_unclip_text_encoder"),
    }
    for name, config in named.items():
        (folder / name).mkdir(parents=True)
        (folder / name / "config.json").write_text(json.dumps(config))
    return Source(str(folder))


def save_tokenizer(folder: Path, pad: str) -> CLIPTokenizer:
    """A tokenizer of few tokens, in the files of the published ones."""
    folder.mkdir(parents=True)
    letters = "abcdefghijklmnopqrstuvwxyz"
    tokens = ["!", *letters, *(f"{letter}</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    special = {"bos_token": "<|startoftext|>", "eos_token": "<|endoftext|>", "unk_token": "<|endoftext|>"}
    special["pad_token"] = pad
    settings = {"model_max_length": LENGTH, "tokenizer_class": "CLIPTokenizer", **special}
    (folder / "vocab.json").write_text(json.dumps({token: number for number, token in enumerate(tokens)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    (folder / "special_tokens_map.json").write_text(json.dumps(special))
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    return CLIPTokenizer.from_pretrained(folder)


def text_config(name: str, **changes: Any) -> CLIPTextConfig:
    """The configuration of a published text encoder, made small."""
    said = {**facts(name), "hidden_size": WIDTH, **SMALL_TEXT, "vocab_size": 55, **changes}
    return CLIPTextConfig(**{**said, "max_position_embeddings": LENGTH, "eos_token_id": 54, "bos_token_id": 53})


def vision(dim: int) -> CLIPVisionModelWithProjection:
    """A vision tower, which a pipeline has and we do not use."""
    config = CLIPVisionConfig(**SMALL_TEXT, hidden_size=16, image_size=8, patch_size=4, projection_dim=dim)
    return CLIPVisionModelWithProjection(config)


def randomise(network: nn.Module) -> None:
    """Give a network weights among which none is zero: diffusers begins some layers at zero."""
    with torch.no_grad():
        for parameter in network.parameters():
            parameter += 0.02 * torch.randn_like(parameter)


def save_stable_unclip(folder: Path, size: str) -> Path:
    """A Stable unCLIP of size `h` or `l`: diffusers' pipeline, with the tokenizer's files as published."""
    torch.manual_seed(3)
    dim = DIMS[size]
    unet = UNet2DConditionModel.from_config({
        **facts(f"stable_unclip_unet_{size}"), "block_out_channels": (8, 8, 16, 16), "layers_per_block": 1,
        "attention_head_dim": (1, 1, 2, 2), "norm_num_groups": 4, "sample_size": 8, "cross_attention_dim": WIDTH,
        "projection_class_embeddings_input_dim": 2 * dim,
    })  # fmt: skip
    vae = AutoencoderKL.from_config({
        **facts("stable_unclip_vae"), "block_out_channels": (8, 8, 8, 8), "norm_num_groups": 4, "layers_per_block": 1,
    })  # fmt: skip
    normalizer = StableUnCLIPImageNormalizer(embedding_dim=dim)
    if size == "l":  # of h the hub has zeros and ones
        normalizer.mean.data, normalizer.std.data = torch.randn(1, dim), torch.rand(1, dim) + 0.5
    tokenizer, text = (
        save_tokenizer(folder / "published", pad="!"),
        CLIPTextModel(text_config("stable_unclip_text_encoder")),
    )
    for network in (unet, vae, text):
        randomise(network)
    StableUnCLIPImg2ImgPipeline(
        unet=unet, vae=vae, text_encoder=text, tokenizer=tokenizer, image_normalizer=normalizer,
        scheduler=PNDMScheduler.from_config(facts("stable_unclip_scheduler")),
        image_noising_scheduler=DDPMScheduler.from_config(facts("stable_unclip_image_noising_scheduler")),
        image_encoder=vision(dim), feature_extractor=CLIPImageProcessor(),
    ).save_pretrained(folder, safe_serialization=True)  # fmt: skip
    as_published(folder)
    return folder


def save_karlo(folder: Path, dim: int = DIMS["l"]) -> Path:
    """A Karlo that draws 8 pixels and enlarges them to 32, with the tokenizer's files as published."""
    torch.manual_seed(4)
    blocks = {"block_out_channels": (8, 16), "layers_per_block": 1, "norm_num_groups": 4, "attention_head_dim": 8}
    decoder = UNet2DConditionModel.from_config({
        **facts("karlo_decoder"), **blocks, "sample_size": 8, "cross_attention_dim": WIDTH,
        **{f"{way}_block_types": facts("karlo_decoder")[f"{way}_block_types"][at] for way, at in CUT.items()},
    })  # fmt: skip
    enlarger = {
        **facts("karlo_super_res"), **blocks, "sample_size": 32,
        **{f"{way}_block_types": facts("karlo_super_res")[f"{way}_block_types"][at] for way, at in CUT.items()},
    }  # fmt: skip
    first, last = UNet2DModel.from_config(enlarger), UNet2DModel.from_config({**enlarger, "sample_size": None})
    projection = UnCLIPTextProjModel(
        clip_embeddings_dim=dim, clip_extra_context_tokens=4, cross_attention_dim=WIDTH, time_embed_dim=32
    )
    tokenizer = save_tokenizer(folder / "published", pad="<|endoftext|>")
    text = CLIPTextModelWithProjection(text_config("karlo_text_encoder", hidden_size=dim, projection_dim=dim))
    for network in (decoder, first, last, projection, text):
        randomise(network)
    schedulers = {
        name: UnCLIPScheduler.from_config(facts("karlo_schedulers")[name])
        for name in ("decoder_scheduler", "super_res_scheduler")
    }
    UnCLIPImageVariationPipeline(
        decoder=decoder, text_proj=projection, text_encoder=text, tokenizer=tokenizer, super_res_first=first,
        super_res_last=last, image_encoder=vision(dim), feature_extractor=CLIPImageProcessor(), **schedulers,
    ).save_pretrained(folder, safe_serialization=True)  # fmt: skip
    as_published(folder)
    return folder


def karlo_pipeline(folder: Path) -> UnCLIPImageVariationPipeline:
    """Diffusers' pipeline of a folder. Its `from_pretrained` does not find the class of the text projection."""
    classes = {
        "decoder": UNet2DConditionModel, "text_proj": UnCLIPTextProjModel, "text_encoder": CLIPTextModelWithProjection,
        "tokenizer": CLIPTokenizer, "super_res_first": UNet2DModel, "super_res_last": UNet2DModel,
        "decoder_scheduler": UnCLIPScheduler, "super_res_scheduler": UnCLIPScheduler,
        "image_encoder": CLIPVisionModelWithProjection, "feature_extractor": CLIPImageProcessor,
    }  # fmt: skip
    pipeline = UnCLIPImageVariationPipeline(
        **{name: kind.from_pretrained(folder, subfolder=name) for name, kind in classes.items()}
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def as_published(folder: Path) -> None:
    """Put the tokenizer's files of the published decoders in the place of those that transformers 5 writes."""
    for file in (folder / "tokenizer").iterdir():
        file.unlink()
    for file in (folder / "published").iterdir():
        file.rename(folder / "tokenizer" / file.name)
    (folder / "published").rmdir()
