"""Run an open_clip network's text tower: token states, pooled embeddings, and which tokens are text."""

from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from lambda_studio.errors import ModelFilesInvalid


def encode_tokens(
    network: Any, token_ids: Int[Tensor, "batch position"]
) -> tuple[Float[Tensor, "batch position width"], Float[Tensor, "batch dim"]]:
    """Return an open_clip network's token states after ln_final, and its pooled embeddings.

    Raises ModelFilesInvalid for a text tower that is not open_clip's own.
    """
    tower = getattr(network, "text", network)
    if not isinstance(getattr(tower, "ln_final", None), nn.Module):
        raise ModelFilesInvalid(
            "This CLIP's text tower has no final layer norm.", "Choose a CLIP whose text tower is open_clip's own."
        )
    states: list[Tensor] = []  # open_clip's encode_text returns only the pooled embedding
    hook = tower.ln_final.register_forward_hook(lambda module, inputs, output: states.append(output))
    try:
        pooled = network.encode_text(token_ids)
    finally:
        hook.remove()
    return states[0], pooled


def text_mask(token_ids: Int[Tensor, "batch position"], end_token: int) -> Bool[Tensor, "batch position"]:
    """Return which tokens are text: up to and including the first end token. Some tokenizers also pad with it."""
    ends = (token_ids == end_token).cumsum(1)
    return (ends == 0) | ((ends == 1) & (token_ids == end_token))


def causal_mask(length: int, device: torch.device | None = None) -> Float[Tensor, "position position"]:
    """Return the buffer `attn_mask` of an open_clip network, which is in no file."""
    return torch.full((length, length), -torch.inf, device=device).triu(1)
