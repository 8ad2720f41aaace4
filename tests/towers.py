"""A tiny CLIP in transformers' layout, as the repository of Kandinsky 2.2's prior has it."""

from pathlib import Path
from typing import Any

TEXT_CONFIG = {
    "hidden_size": 32,
    "intermediate_size": 72,  # a ratio that is not a whole number, as bigG's
    "num_attention_heads": 2,
    "num_hidden_layers": 2,
    "projection_dim": 32,
    "vocab_size": 49408,
    "max_position_embeddings": 24,
    "hidden_act": "gelu",
    "layer_norm_eps": 1e-5,
    "eos_token_id": 49407,
    "bos_token_id": 49406,
}
VISION_CONFIG = {
    "hidden_size": 48,
    "intermediate_size": 100,
    "num_attention_heads": 3,
    "num_hidden_layers": 2,
    "projection_dim": 32,
    "image_size": 32,
    "patch_size": 16,
    "hidden_act": "gelu",
    "layer_norm_eps": 1e-5,
}


def save_towers(folder: Path, seed: int = 0, vocab_size: int = 49408, hidden_act: str = "gelu", **saving: Any) -> Path:
    """Both towers with random weights, saved by transformers: text_encoder/ and image_encoder/."""
    import torch
    from transformers import (
        CLIPTextConfig,
        CLIPTextModelWithProjection,
        CLIPVisionConfig,
        CLIPVisionModelWithProjection,
    )
    from transformers.utils import logging

    logging.disable_progress_bar()
    torch.manual_seed(seed)
    changed = {"vocab_size": vocab_size, "hidden_act": hidden_act}
    changed |= {} if vocab_size == 49408 else {"bos_token_id": 1, "eos_token_id": 2}
    text = CLIPTextModelWithProjection(CLIPTextConfig(**{**TEXT_CONFIG, **changed}))
    vision = CLIPVisionModelWithProjection(CLIPVisionConfig(**{**VISION_CONFIG, "hidden_act": hidden_act}))
    for model, name in ((text, "text_encoder"), (vision, "image_encoder")):
        with torch.no_grad():
            for parameter in model.parameters():  # transformers starts with values too small to tell networks apart
                parameter.normal_(std=0.3)
        model = model.half() if saving.get("variant") == "fp16" else model
        model.save_pretrained(folder / name, **saving)
    return folder
