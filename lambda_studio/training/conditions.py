"""The conditions that fine-tuning learns pictures from: their own embeddings, and predictions of the prior (Eq. 2)."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor

from lambda_studio.training.examples import Example
from lambda_studio.training.facing import Pictures, facing_one_way

LEAST = 0.02
"""The least share of a picture that its subject has, to be learnt in other scenes."""


def with_predictions(
    examples: Sequence[Example],
    predicted: Mapping[str, Float[Tensor, "prediction dim"]],
    own: bool,
    in_places: Mapping[str, Float[Tensor, "placed dim"]] | None = None,
    unchanged: Mapping[str, Float[Tensor, "unchanged dim"]] | None = None,
    to_mirror: Pictures = frozenset(),
) -> list[Example]:
    """Return the examples with predicted embeddings in place of their own, or beside them if `own`.

    `generate` gives the decoder the prior's prediction, which differs from the embedding of any photograph. A decoder
    that learns a picture from predictions too draws its details from prompts.

    Args:
        examples: The examples of the pictures, of each its main crop first.
        predicted: The prior's predictions of each concept; shared out evenly over its pictures' main crops.
        own: Whether the pictures' own embeddings stay.
        in_places: Predictions of each concept in other places, for its pictures with a mask. Only the subject of the
            picture is learnt from these.
        unchanged: Predictions of each concept for which a LoRA is to change nothing. The pictures get empty masks, so
            that everywhere the target is the prediction of the decoder without the LoRA. Not for a full training.
        to_mirror: The pictures whose mirror images are learnt from predictions.
    """
    table, main = list(examples) if own else [], _main_crops(facing_one_way(examples, to_mirror))
    for concept, rows in predicted.items():
        table += _shared_out([each for each in main if each.concept == concept], rows, 1)
    for concept, rows in (in_places or {}).items():
        pictures = [each for each in main if each.concept == concept and _shows_subject(each)]
        table += [replace(each, only_subject=True) for each in _shared_out(pictures, rows, _next(table, concept))]
    for concept, rows in (unchanged or {}).items():
        pictures = [_without_subject(each) for each in main if each.concept == concept]
        table += _shared_out(pictures, rows, _next(table, concept))
    return table


def _main_crops(examples: Sequence[Example]) -> list[Example]:
    """Return the first example of each picture."""
    first: dict[tuple[str, str], Example] = {}
    for example in examples:
        first.setdefault((example.concept, example.image_sha), example)
    return list(first.values())


def _next(table: Sequence[Example], concept: str) -> int:
    """Return the number after those of a concept's predictions."""
    return 1 + max((each.prediction for each in table if each.concept == concept), default=0)


def _without_subject(example: Example) -> Example:
    return replace(example, mask=torch.zeros(example.latents.shape[-2:]), only_subject=True)


def _shows_subject(example: Example) -> bool:
    return example.mask is not None and float(example.mask.mean()) >= LEAST


def _shared_out(pictures: Sequence[Example], rows: Float[Tensor, "prediction dim"], first: int) -> list[Example]:
    """Return the pictures with each prediction in place of their embedding, in turn, numbered from `first`."""
    count = len(pictures)
    return [
        replace(pictures[number % count], image_embeds=embeds, prediction=first + number // count)
        for number, embeds in enumerate(rows if count else ())
    ]
