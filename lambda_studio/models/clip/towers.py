"""CLIP in transformers' layout, an image_encoder/ and a text_encoder/ folder, converted to open_clip's network.

The Kandinsky 2.2 prior's repository has ViT-bigG-14 in this layout.
"""

import math
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lambda_studio.errors import ModelFilesInvalid

TEXT, VISION = "text_encoder", "image_encoder"
"""The folders of the towers."""
PREPROCESSOR = "image_processor/preprocessor_config.json"
VOCABULARY = 49_408
"""The size of CLIP's own vocabulary, for which open_clip brings the merges."""
ANOTHER = "Give a CLIP that open_clip can build, such as kandinsky-community/kandinsky-2-2-prior."
WHOLE = {
    "token_embedding.weight": "text_model.embeddings.token_embedding.weight",
    "positional_embedding": "text_model.embeddings.position_embedding.weight",
    "visual.class_embedding": "vision_model.embeddings.class_embedding",
    "visual.positional_embedding": "vision_model.embeddings.position_embedding.weight",
    "visual.conv1.weight": "vision_model.embeddings.patch_embedding.weight",
}
TRANSPOSED = {"text_projection": "text_projection.weight", "visual.proj": "visual_projection.weight"}
RENAMED = (
    ("visual.transformer.resblocks.", "vision_model.encoder.layers."),
    ("visual.ln_pre.", "vision_model.pre_layrnorm."),  # transformers' spelling
    ("visual.ln_post.", "vision_model.post_layernorm."),
    ("transformer.resblocks.", "text_model.encoder.layers."),
    ("ln_final.", "text_model.final_layer_norm."),
)
IN_BLOCK = {
    ".ln_1.": ".layer_norm1.",
    ".ln_2.": ".layer_norm2.",
    ".attn.out_proj.": ".self_attn.out_proj.",
    ".mlp.c_fc.": ".mlp.fc1.",
    ".mlp.c_proj.": ".mlp.fc2.",
}
IN_PROJECTION = re.compile(r"(?P<block>.+)\.attn\.in_proj_(?P<kind>weight|bias)")


def open_clip_config(text: Mapping[str, Any], vision: Mapping[str, Any], where: Path | str) -> dict[str, Any]:
    """Return open_clip's configuration of a CLIP, from transformers' configurations of its towers.

    Raises ModelFilesInvalid if open_clip's network would compute something else.
    """
    try:
        _require_same(text, vision, "projection_dim", where)
        _require_same(text, vision, "hidden_act", where)
        for tower in (text, vision):
            _require_known(tower, "layer_norm_eps", (1e-5,), where)
            _require_known(tower, "hidden_act", ("gelu", "quick_gelu"), where)
        config = {"embed_dim": text["projection_dim"], "vision_cfg": _vision(vision), "text_cfg": _text(text)}
    except KeyError as error:
        raise ModelFilesInvalid(f"The towers in {where} have no {error} in their config.json.", ANOTHER) from error
    return config | ({"quick_gelu": True} if text["hidden_act"] == "quick_gelu" else {})


def tower_tensor(key: str, get: Callable[[str], Tensor]) -> Tensor:
    """Return the tensor that open_clip calls `key`, from tensors in transformers' names. Raises what `get` raises."""
    if key == "logit_scale":  # no tower has it, and no embedding depends on it
        return torch.tensor(math.log(1 / 0.07))
    if key in WHOLE:
        return get(WHOLE[key])
    if key in TRANSPOSED:
        return get(TRANSPOSED[key]).T.contiguous()
    name = next((new + key[len(old) :] for old, new in RENAMED if key.startswith(old)), key)
    if joined := IN_PROJECTION.fullmatch(name):
        kind = joined["kind"]
        return torch.cat([get(f"{joined['block']}.self_attn.{side}_proj.{kind}") for side in "qkv"])
    for old, new in IN_BLOCK.items():
        name = name.replace(old, new)
    return get(name)


def _vision(config: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "image_size": config["image_size"],
        "layers": config["num_hidden_layers"],
        "width": config["hidden_size"],
        "head_width": config["hidden_size"] // config["num_attention_heads"],
        "mlp_ratio": _mlp_ratio(config),
        "patch_size": config["patch_size"],
    }


def _text(config: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "context_length": config["max_position_embeddings"],
        "vocab_size": config["vocab_size"],
        "width": config["hidden_size"],
        "heads": config["num_attention_heads"],
        "layers": config["num_hidden_layers"],
        "mlp_ratio": _mlp_ratio(config),
    }


def _mlp_ratio(config: Mapping[str, Any]) -> float:
    """Return a ratio that open_clip multiplies with the width and cuts to exactly the intermediate size."""
    return (config["intermediate_size"] + 0.5) / config["hidden_size"]


def _require_same(text: Mapping[str, Any], vision: Mapping[str, Any], key: str, where: Path | str) -> None:
    if text[key] != vision[key]:
        raise ModelFilesInvalid(
            f"The towers in {where} do not belong together: their {key} are {text[key]!r} and {vision[key]!r}.", ANOTHER
        )


def _require_known(tower: Mapping[str, Any], key: str, known: tuple[Any, ...], where: Path | str) -> None:
    if tower[key] not in known:
        raise ModelFilesInvalid(f"A tower in {where} has {key} {tower[key]!r}.", ANOTHER)
