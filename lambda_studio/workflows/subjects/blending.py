"""Make a concept of other concepts: its embedding is the weighted sum of theirs, and it has no pictures."""

import math
import shlex
from collections.abc import Iterable, Mapping, Sequence

from concepts.errors import ConceptExists
from concepts.names import check_name, check_noun, name_key, shown
from concepts.records import AddResult, ConceptRecord, NewImage
from concepts.registry import Registry
from lambda_studio.bundles.given import LARGEST_WEIGHT, MAX_PARTS, GivenView, Note, Part, view_fault
from lambda_studio.config import require
from lambda_studio.workflows.answers.concepts import Added
from lambda_studio.workflows.cache.keys import subject_key
from lambda_studio.workflows.cache.left_out import SIDE, notes
from lambda_studio.workflows.workplace import Workplace

DIGITS = 6
"""The decimal places of a stored weight."""
LEAST_SUM = 0.01


def blend(place: Workplace, name: str, weights: Mapping[str, float], noun: str | None) -> Added:
    """Store a concept that is the weighted mean of others, with its embedding by the stack in use.

    The weights are divided by their sum. A negative one leads away from its concept. Raises as `Concepts.blend`.
    """
    name, wanted = check_name(name), _shares(weights)
    place.require_editor()
    concepts = place.get_concepts(list(wanted))
    shares = dict(zip((concept.name for concept in concepts), wanted.values(), strict=True))
    heaviest = max(concepts, key=lambda concept: shares[concept.name])
    chosen = check_noun(noun if noun is not None else heaviest.noun)
    image = _note(place, concepts, list(shares.values()))
    library = place.library

    def store(registry: Registry) -> tuple[AddResult, str | None]:
        try:
            return registry.add_concept(library, name, chosen, [image]), place.remember_stack(registry)
        except ConceptExists as error:  # its remedy is for photographs
            remedy = f"Choose another name, or remove it: studio concepts remove {shlex.quote(name)}"
            raise ConceptExists(error.cause, remedy) from error

    result, remembered = place.database.write(store)
    if remembered:
        place.notify(f"Library {library} now uses the stack {remembered}.")
    return Added(
        concept=result.concept, created=result.created, stack=place.spec.name, encoded=0, cached=1,
        warnings=tuple(_warnings([each for each in concepts if shares[each.name] > 0], chosen)) if noun is None else (),
    )  # fmt: skip


def _shares(weights: Mapping[str, float]) -> dict[str, float]:
    """Return the weights divided by their sum. Raises InvalidSetting."""
    require(2 <= len(weights) <= MAX_PARTS, f"The number of concepts is {len(weights)}.", f"Give 2 to {MAX_PARTS}.")
    keys = [name_key(name.strip()) for name in weights]
    twice = next((name for at, name in enumerate(weights) if keys[at] in keys[:at]), None)
    require(twice is None, f"{shown(str(twice))} is named twice.", "Give each concept once, with one weight.")
    for name, weight in weights.items():
        good = math.isfinite(weight) and weight != 0
        require(good, f"The weight of {shown(name)} is {weight:g}.", "Give a number other than 0, as 0.7 or -0.3.")
    total = sum(weights.values())
    require(total >= LEAST_SUM, f"The weights have the sum {total:g}.", "What is taken out must be less than the rest.")
    shares = {name: round(weight / total, DIGITS) for name, weight in weights.items()}
    extreme = next((name for name, share in shares.items() if not 0 < abs(share) <= LARGEST_WEIGHT), None)
    cause = f"Of the whole, the weight of {shown(str(extreme))} is {shares.get(str(extreme), 0):g}."
    require(extreme is None, cause, f"Give weights that are more alike: each up to {LARGEST_WEIGHT:g} of the sum.")
    return shares


def _note(place: Workplace, concepts: Sequence[ConceptRecord], shares: Sequence[float]) -> NewImage:
    """Return the image of a blend: a note with its parts and its embedding."""
    embedder = place.embedder
    values = embedder.mixed(list(zip(concepts, shares, strict=True))).numpy().astype("<f4").tobytes()
    fault = view_fault(values)
    require(fault is None, f"The blend {fault}.", "Give other weights.")
    preprocessing = subject_key(concepts[0].images[0], embedder.encoder).preprocessing
    view = GivenView(encoder=embedder.encoder.fingerprint, preprocessing=preprocessing, data=values)
    held = [_notes_of(place, concept) for concept in concepts]
    note = Note(
        views=(view,),
        from_cache=any(not each.proven for found in held for each in found),
        blend=_parts(zip(concepts, held, shares, strict=True)),
    )
    return NewImage(note.encoded(), None, SIDE, SIDE, in_words({each.name: each.weight for each in note.blend}))


def _notes_of(place: Workplace, concept: ConceptRecord) -> list[Note]:
    with place.database.reading() as registry:
        return list(notes(registry, concept.images).values())


def _parts(given: Iterable[tuple[ConceptRecord, list[Note], float]]) -> tuple[Part, ...]:
    """Return the parts with their weights. A blend's own parts replace it, so that no blend is made of blends."""
    found: dict[str, Part] = {}
    for concept, held, share in given:
        own = (Part(name=concept.name, manifest=concept.manifest, weight=1.0),)
        only = len(concept.images) == 1 and len(held) == 1
        for part in (only and held[0].blend) or own:
            weight = share * part.weight + (found[part.manifest].weight if part.manifest in found else 0.0)
            found[part.manifest] = Part(name=part.name, manifest=part.manifest, weight=round(weight, DIGITS))
    parts = tuple(part for part in found.values() if part.weight)
    require(len(parts) <= MAX_PARTS, f"The blend has {len(parts)} parts.", f"Give fewer: up to {MAX_PARTS}.")
    largest = max(abs(part.weight) for part in parts)
    cause = f"A blend that is blended again gets a weight of {largest:g}."
    require(largest <= LARGEST_WEIGHT, cause, f"Give weights that are more alike: up to {LARGEST_WEIGHT:g} of the sum.")
    return parts


def in_words(weights: Mapping[str, float]) -> str:
    """Return a blend in words: `0.7 rex + 0.3 fido`."""
    said = "".join(f" {'-' if weight < 0 else '+'} {abs(weight):g} {name}" for name, weight in weights.items())
    return said.removeprefix(" + ").strip()


def _warnings(concepts: Sequence[ConceptRecord], noun: str) -> Iterable[str]:
    nouns = list(dict.fromkeys(concept.noun for concept in concepts))
    if len(nouns) > 1:
        yield f"The nouns are {', '.join(nouns)}. Prompts use {noun}; give noun=NOUN for another."
