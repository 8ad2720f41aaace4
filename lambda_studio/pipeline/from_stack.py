"""Load the components of a pipeline from a stack: the networks with which a Studio draws."""

import json
import tempfile
from pathlib import Path
from typing import Any

import open_clip
import torch
from transformers import CLIPImageProcessor, CLIPTokenizer

from lambda_studio.errors import ModelFilesInvalid
from lambda_studio.models.clip.clip import Clip, load_clip
from lambda_studio.models.clip.encoders import image_encoder_of, text_encoder_of
from lambda_studio.models.files.pretrained import load_weights
from lambda_studio.models.pool import BUILDING
from lambda_studio.models.prior import PriorTransformer
from lambda_studio.models.stacks.files import StackFiles
from lambda_studio.models.stacks.toml import resolve_stack

START, END = "<|startoftext|>", "<|endoftext|>"
"""CLIP's special tokens, as transformers writes them."""


def stack_components(name_or_toml: str, dtype: torch.dtype) -> dict[str, Any]:
    """Load a stack's CLIP and λ prior. Files on the hub are downloaded. They are not shared with a Studio.

    Raises:
        InvalidSetting: there is no such stack.
        ModelFilesMissing: its files are not on this machine and cannot be downloaded.
        ModelFilesInvalid: its files are damaged, or its CLIP has another tokenizer than CLIP's own.
    """
    files = StackFiles(resolve_stack(name_or_toml))
    with BUILDING:
        text = load_clip(files.clip_source, dtype=dtype, towers=("text",))
        vision = load_clip(files.clip_source, dtype=dtype, towers=("vision",))
        return {
            "prior": load_weights(PriorTransformer, files.prior(), "cpu", dtype),
            "text_encoder": text_encoder_of(text),
            "tokenizer": tokenizer_of(text),
            "image_encoder": image_encoder_of(vision),
            "image_processor": image_processor_of(vision),
        }


def tokenizer_of(clip: Clip) -> CLIPTokenizer:
    """Return transformers' tokenizer with the tokens of this CLIP. Raises ModelFilesInvalid if it is no BPE of CLIP."""
    wrapped = clip.tokenizer.wrapped
    if not isinstance(wrapped, open_clip.SimpleTokenizer):
        cause = f"{clip.files.name} has a tokenizer of its own."
        raise ModelFilesInvalid(cause, "A pipeline needs a CLIP with CLIP's tokenizer.")
    special = {wrapped.sot_token_id: START, wrapped.eot_token_id: END}
    vocabulary = {special.get(number, token): number for token, number in wrapped.encoder.items()}
    merges = sorted(wrapped.bpe_ranks, key=wrapped.bpe_ranks.__getitem__)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "vocab.json").write_text(json.dumps(vocabulary), encoding="utf-8")
        written = ["#version: 0.2", *(" ".join(merge) for merge in merges)]
        (Path(folder) / "merges.txt").write_text("\n".join(written) + "\n", encoding="utf-8")
        return CLIPTokenizer.from_pretrained(folder, model_max_length=clip.context_length)


def image_processor_of(clip: Clip) -> CLIPImageProcessor:
    """Return transformers' processor for pictures of this CLIP."""
    size = clip.image_size
    return CLIPImageProcessor(
        size={"shortest_edge": size},
        crop_size={"height": size, "width": size},
        image_mean=list(clip.mean),
        image_std=list(clip.std),
    )
