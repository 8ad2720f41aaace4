"""The prior's inputs: text states, with each subject's image embedding in place of its noun (λ-ECLIPSE 3.2)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from einops import einsum, reduce
from jaxtyping import Bool, Float
from torch import Tensor

from lambda_studio.errors import PromptInvalid
from lambda_studio.generation.prompt import BoundPrompt
from lambda_studio.generation.template import name_key
from lambda_studio.models.clip.clip import TextFeatures


@dataclass(frozen=True)
class Conditioning:
    """The prior's inputs for a batch of prompts, without the noise. The fields are named like the prior's arguments."""

    text_encoder_hidden_states: Float[Tensor, "batch position dim"]
    text_mask: Bool[Tensor, "batch position"]
    prompt_embeds: Float[Tensor, "batch dim"]
    control_embeds: Float[Tensor, "batch dim"]


def blend(
    image_embeds: Float[Tensor, "image dim"], weights: Float[Tensor, " image"] | None = None
) -> Float[Tensor, " dim"]:
    """Return a concept's embedding: the mean, or the weighted sum, of the embeddings of its reference images."""
    if weights is None:
        return reduce(image_embeds, "image dim -> dim", "mean")
    return einsum(weights.to(image_embeds), image_embeds, "image, image dim -> dim")


def condition(
    text: TextFeatures,
    prompts: Sequence[BoundPrompt],
    subjects: Sequence[Mapping[str, Float[Tensor, " dim"]]],
    control_embeds: Float[Tensor, "*batch dim"],
) -> Conditioning:
    """Overwrite the spans of each prompt with the embeddings of its subjects; all other text states stay.

    Every token of a noun gets the same embedding, as in the published code. The pooled text keeps the noun. A span of
    weight w gets w times the embedding and 1 - w times the noun's own state.
    Raises PromptInvalid for a span whose subject has no embedding.

    Args:
        text: row i is the text of prompt i.
        subjects: entry i maps the subjects of prompt i to embeddings, by `Span.subject`.
        control_embeds: one for all prompts, or one for each.
    """
    hidden_states = text.hidden_states.clone()
    places = [
        (row, position, embedding, weight)
        for row, (prompt, embeddings) in enumerate(zip(prompts, subjects, strict=True))
        for position, embedding, weight in _overwritten(prompt, embeddings)
    ]
    if places:
        rows, positions, embeddings, weights = zip(*places, strict=True)
        index = torch.tensor([rows, positions], device=hidden_states.device)
        written = torch.stack(embeddings).to(hidden_states)
        if any(weight != 1 for weight in weights):
            share = torch.tensor(weights).to(hidden_states)[:, None]
            written = torch.lerp(hidden_states[index[0], index[1]], written, share)
        hidden_states[index[0], index[1]] = written
    control = control_embeds.to(hidden_states).expand(len(prompts), -1)
    return Conditioning(hidden_states, text.mask, text.pooled, control)


def _overwritten(prompt: BoundPrompt, embeddings: Mapping[str, Tensor]) -> list[tuple[int, Tensor, float]]:
    """Return each token position of each span, with its embedding and its weight."""
    by_key = {name_key(name): embedding for name, embedding in embeddings.items()}
    for span in prompt.spans:
        if name_key(span.subject) not in by_key:
            raise PromptInvalid(
                f"There is no image embedding for <{span.subject}> in the prompt {prompt.template!r}.",
                f"Give an embedding for each name. These names have one: {', '.join(embeddings) or 'none'}.",
            )
    return [
        (place, by_key[name_key(span.subject)], span.weight)
        for span in prompt.spans
        for place in range(span.start, span.end)
    ]
