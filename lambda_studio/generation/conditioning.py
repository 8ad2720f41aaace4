"""What the prior reads: text states with each subject's image embedding written over its noun (λ-ECLIPSE 3.2)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from einops import einsum, reduce
from jaxtyping import Bool, Float
from torch import Tensor

from lambda_studio.errors import PromptInvalid
from lambda_studio.generation.prompt import BoundPrompt, name_key
from lambda_studio.models.clip import TextFeatures


@dataclass(frozen=True)
class Conditioning:
    """The prior's inputs for a batch of prompts, without the noise; the field names are its arguments'."""

    text_encoder_hidden_states: Float[Tensor, "batch position dim"]
    text_mask: Bool[Tensor, "batch position"]
    prompt_embeds: Float[Tensor, "batch dim"]
    control_embeds: Float[Tensor, "batch dim"]


def blend(
    image_embeds: Float[Tensor, "image dim"], weights: Float[Tensor, " image"] | None = None
) -> Float[Tensor, " dim"]:
    """One embedding of a concept from those of its reference images: their mean, or their weighted sum."""
    if weights is None:
        return reduce(image_embeds, "image dim -> dim", "mean")
    return einsum(weights.to(image_embeds), image_embeds, "image, image dim -> dim")


def condition(
    text: TextFeatures,
    prompts: Sequence[BoundPrompt],
    subjects: Sequence[Mapping[str, Float[Tensor, " dim"]]],
    control_embeds: Float[Tensor, "*batch dim"],
) -> Conditioning:
    """Overwrite exactly the spans of each prompt with that prompt's own subjects; everything else stays as it was.

    Row i of `text` is prompt i, whose embeddings are `subjects[i]` by name. Every token of a noun gets the same
    embedding, as in the published code. The pooled text keeps the noun. `control_embeds` is one for all or one each.
    Raises PromptInvalid for a span whose subject has no embedding.
    """
    hidden_states = text.hidden_states.clone()
    places = [
        (row, position, embedding)
        for row, (prompt, embeddings) in enumerate(zip(prompts, subjects, strict=True))
        for position, embedding in _overwritten(prompt, embeddings)
    ]
    if places:
        rows, positions, written = zip(*places, strict=True)
        index = torch.tensor([rows, positions], device=hidden_states.device)
        hidden_states[index[0], index[1]] = torch.stack(written).to(hidden_states)
    control = control_embeds.to(hidden_states).expand(len(prompts), -1)
    return Conditioning(hidden_states, text.mask, text.pooled, control)


def _overwritten(prompt: BoundPrompt, embeddings: Mapping[str, Tensor]) -> list[tuple[int, Tensor]]:
    """Each token position of each span, with the embedding that goes there."""
    by_key = {name_key(name): embedding for name, embedding in embeddings.items()}
    for span in prompt.spans:
        if name_key(span.name) not in by_key:
            raise PromptInvalid(
                f"There is no image embedding for <{span.name}> in the prompt {prompt.template!r}.",
                f"Give one for each of its names; there are: {', '.join(embeddings) or 'none'}.",
            )
    return [(place, by_key[name_key(span.name)]) for span in prompt.spans for place in range(span.start, span.end)]
