"""Say which pictures of a concept other concepts of its library have too, and whether it is a copy of one."""

import shlex
from collections.abc import Collection
from dataclasses import dataclass

from concepts.records import ConceptRecord
from concepts.registry import Registry
from lambda_studio.workflows.subjects.photos.told import alike, every_image, ranges

Numbers = list[int]


@dataclass(frozen=True)
class Shared:
    """What is said of pictures that other concepts have too."""

    warnings: tuple[str, ...] = ()
    copy_of: str | None = None
    """The concept that has all pictures of this one, or all but near-duplicates of these. Then one warning is all."""


def shared_pictures(registry: Registry, concept: ConceptRecord, before: Collection[str] = ()) -> Shared:
    """Return a warning for each concept that has pictures of this one, byte for byte as they are stored.

    Args:
        before: hashes of pictures that are not new, which are not named.
    """
    numbers = {image.sha: number for number, image in enumerate(concept.images, start=1) if image.sha not in before}
    there: dict[str, list[tuple[int, int]]] = {}
    for shared in registry.same_pictures(concept.library, concept.id, [*numbers]):
        there.setdefault(shared.concept, []).append((numbers[shared.sha], shared.number))
    pairs = {other: [sorted({*each}) for each in zip(*both, strict=True)] for other, both in there.items()}
    if pairs:
        most = max(pairs, key=lambda other: len(pairs[other][0]))
        own, others = pairs[most]
        near = _near(concept, own)
        if len(own) + len(near) == len(concept.images):
            return Shared((_of_copy(concept, most, own, others, near),), most)
    return Shared(tuple(_warning(concept, other, *both) for other, both in pairs.items()))


def _near(concept: ConceptRecord, own: Numbers) -> Numbers:
    """Return the other images of a concept that are near-duplicates of its `own` ones."""
    groups = [group for group in alike(concept, every_image(concept)) if group & {*own}]
    return sorted(set().union(*groups) - {*own})


def _of_copy(concept: ConceptRecord, other: str, own: Numbers, others: Numbers, near: Numbers) -> str:
    also = also_in(concept, other, own, others)
    if near:
        what = f"image{'s' * (len(near) > 1)} {', '.join(ranges(near))}"
        also += f", and {what} {'is' if len(near) == 1 else 'are'} almost the same as one of these"
    return f"{also}. If both are the same subject, remove this one: studio concepts remove {shlex.quote(concept.name)}"


def _warning(concept: ConceptRecord, other: str, own: Numbers, others: Numbers) -> str:
    drop = " ".join(f"--drop {part}" for part in ranges(own))
    them = "it does" if len(own) == 1 else "they do"
    command = f"studio concepts edit {shlex.quote(concept.name)} {drop}"
    return f"{also_in(concept, other, own, others)}. If {them} not show both: {command}"


def also_in(concept: ConceptRecord, other: str, own: Numbers, others: Numbers) -> str:
    """Return that the `own` images of a concept are also the images `others` of another one."""
    if len(own) == 1:
        return f"image {own[0]} ({concept.images[own[0] - 1].source_name}) is also image {others[0]} of {other}"
    return f"images {', '.join(ranges(own))} are also in {other} (its images {', '.join(ranges(others))})"
