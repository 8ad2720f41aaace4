"""The rival of interleaving: text states, followed by the image embeddings of the subjects (λ-ECLIPSE, Table 11)."""

from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from lambda_studio.generation.conditioning import Conditioning, condition
from lambda_studio.generation.prompt import BoundPrompt
from lambda_studio.miniature.world.identities import SLOTS
from lambda_studio.models.clip.clip import TextFeatures

ROOM = 2 * SLOTS
"""Positions after the text: the subjects of a scene and their worn things. Empty ones are masked."""


def concatenate(
    text: TextFeatures,
    prompts: Sequence[BoundPrompt],
    subjects: Sequence[Mapping[str, Float[Tensor, " dim"]]],
    control_embeds: Float[Tensor, "*batch dim"],
) -> Conditioning:
    """Return the text states as they are, followed by each subject's embedding, in the order of the prompt.

    The arguments are those of `condition`, and `ROOM` positions are added. A subject that is named twice comes once.
    """
    plain = condition(text, prompts, subjects, control_embeds)
    images = torch.zeros(len(prompts), ROOM, text.hidden_states.shape[-1]).to(text.hidden_states)
    given = torch.zeros(len(prompts), ROOM, dtype=torch.bool, device=text.mask.device)
    for row, (prompt, embeds) in enumerate(zip(prompts, subjects, strict=True)):
        for at, name in enumerate(dict.fromkeys(span.subject for span in prompt.spans)):
            images[row, at], given[row, at] = embeds[name].to(images), True
    return Conditioning(
        torch.cat([text.hidden_states, images], 1), torch.cat([text.mask, given], 1), plain.prompt_embeds,
        plain.control_embeds,
    )  # fmt: skip
