"""What is drawn to evaluate: each concept alone, several in one picture, and prompts without any."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count, islice

from jaxtyping import Float
from torch import Tensor

from concepts.records import ConceptRecord
from lambda_studio.generation.generator import condition_prompts, predict_image_embeds
from lambda_studio.generation.prompt import BoundPrompt, bind
from lambda_studio.generation.template import escaped, parse
from lambda_studio.workflows.workplace import Workplace

PROMPTS = ("a <{}> on the beach", "a <{}> in the snow")
"""What is drawn of each concept. Each prompt names a place, which a decoder that has learnt too much forgets."""
TOGETHER = {2: "a <{}> beside a <{}> on the beach", 3: "a <{}>, a <{}> and a <{}> on the beach"}
"""What is drawn of two and of three concepts."""
NEUTRAL = (
    "a dog in the snow", "a cat on the beach", "a car in the city", "a bird in a meadow", "a clock in a room",
    "a vase in the forest", "a boat on the beach", "a robot in the desert",
)  # fmt: skip
"""Prompts without a concept, which an adapter should draw as the decoder does."""
MOST_GROUPS = 12
"""The most groups of concepts that are drawn together."""


@dataclass(frozen=True)
class Asked:
    """A picture to draw."""

    concepts: tuple[ConceptRecord, ...]
    prompt: BoundPrompt
    seed: int

    @property
    def names(self) -> tuple[str, ...]:
        """The names of its concepts."""
        return tuple(concept.name for concept in self.concepts)


def alone(place: Workplace, concepts: Sequence[ConceptRecord], pictures: int, first_seed: int) -> list[Asked]:
    """Return so many pictures of each concept alone, on its two prompts in turn. Each has a seed of its own."""
    seeds = count(first_seed)
    return [
        _asked(place, (concept,), PROMPTS[number % len(PROMPTS)], next(seeds))
        for concept in concepts
        for number in range(pictures)
    ]


def together(
    place: Workplace, concepts: Sequence[ConceptRecord], size: int, pictures: int, first_seed: int
) -> list[Asked]:
    """Return so many pictures of each of `groups`."""
    seeds = count(first_seed)
    return [
        _asked(place, group, TOGETHER[size], next(seeds)) for group in groups(concepts, size) for _ in range(pictures)
    ]


def neutral(place: Workplace, first_seed: int) -> list[Asked]:
    """Return a picture of each prompt without a concept."""
    return [_asked(place, (), prompt, first_seed + number) for number, prompt in enumerate(NEUTRAL)]


def groups(concepts: Sequence[ConceptRecord], size: int) -> list[tuple[ConceptRecord, ...]]:
    """Return groups in which every concept is at least once, up to `MOST_GROUPS`.

    The concepts of a group have different nouns if that is possible, because no metric tells two dogs in one picture
    apart.
    """
    if len(concepts) < size:
        return []
    found: dict[frozenset[str], tuple[ConceptRecord, ...]] = {}
    for at in range(len(concepts)):
        group = tuple(islice(_distinct([*concepts[at:], *concepts[:at]]), size))
        found.setdefault(frozenset(each.name for each in group), group)
    return list(found.values())[:MOST_GROUPS]


def _distinct(concepts: Sequence[ConceptRecord]) -> Iterator[ConceptRecord]:
    """Iterate over the concepts: first one of each noun, then the others."""
    firsts = {concept.noun: concept for concept in reversed(concepts)}
    yield from (concept for concept in concepts if firsts[concept.noun] is concept)
    yield from (concept for concept in concepts if firsts[concept.noun] is not concept)


def _asked(place: Workplace, concepts: Sequence[ConceptRecord], prompt: str, seed: int) -> Asked:
    template = parse(prompt.format(*(escaped(concept.name) for concept in concepts)))
    nouns = {concept.name: concept.noun for concept in concepts}
    return Asked(tuple(concepts), bind(template, nouns, place.stack.tokenizer), seed)


def predicted(place: Workplace, asked: Sequence[Asked]) -> Float[Tensor, "picture dim"]:
    """Return the prior's embeddings of these pictures, on the CPU. Afterwards CLIP and the prior are in memory."""
    concepts = {concept.name: concept for each in asked for concept in each.concepts}
    blended = {name: place.embedder.blended(concept) for name, concept in concepts.items()}
    subjects = [{name: blended[name] for name in each.names} for each in asked]
    prompts, seeds = [each.prompt for each in asked], [each.seed for each in asked]
    inputs = condition_prompts(place.stack.clip(("text",)), prompts, subjects, place.embedder.zero())
    return predict_image_embeds(place.stack.prior(), inputs, seeds).cpu()
