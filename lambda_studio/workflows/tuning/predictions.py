"""The prior's predictions of concepts: the embeddings that `generate` will give the decoder."""

from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor

from concepts.records import ConceptRecord
from lambda_studio.generation.generator import condition_prompts, predict_image_embeds
from lambda_studio.generation.prompt import bind
from lambda_studio.generation.template import escaped, parse
from lambda_studio.models.stacks.stack import Stack
from lambda_studio.training.randomness import seed_for
from lambda_studio.workflows.cache.subjects import SubjectEmbedder

A_PICTURE = 2
"""The number of predictions for each picture of a concept."""


def predictions(
    stack: Stack, embedder: SubjectEmbedder, concepts: Sequence[ConceptRecord], seed: int
) -> dict[str, Float[Tensor, "prediction dim"]]:
    """Return the prior's predictions for "a <name>" by concept, `A_PICTURE` for each of its pictures.

    Afterwards neither CLIP nor the prior is in memory. They are computed anew for a resumed run.
    """
    found = {}
    zero = embedder.zero()
    for concept in concepts:
        subject = {concept.name: embedder.blended(concept)}
        clip = stack.clip(("text",))
        prompt = bind(parse(f"a <{escaped(concept.name)}>"), {concept.name: concept.noun}, clip.tokenizer)
        count = A_PICTURE * len(concept.images)
        inputs = condition_prompts(clip, [prompt] * count, [subject] * count, zero)
        seeds = [seed_for(seed, "predictions", number) for number in range(count)]
        found[concept.name] = predict_image_embeds(stack.prior(), inputs, seeds).cpu()
    stack.free("clip")
    stack.free("prior")
    return found
