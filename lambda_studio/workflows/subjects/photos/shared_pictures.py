"""Say which pictures of a concept other concepts of its library have too."""

import shlex
from collections.abc import Collection, Iterator

from concepts.records import ConceptRecord
from concepts.registry import Registry
from lambda_studio.workflows.subjects.photos.told import ranges


def shared_warnings(registry: Registry, concept: ConceptRecord, before: Collection[str] = ()) -> Iterator[str]:
    """Yield a warning for each concept that has pictures of this one, byte for byte as they are stored.

    Args:
        before: hashes of pictures that are not new, which are not named.
    """
    numbers = {image.sha: number for number, image in enumerate(concept.images, start=1) if image.sha not in before}
    there: dict[str, list[tuple[int, int]]] = {}
    for shared in registry.same_pictures(concept.library, concept.id, [*numbers]):
        there.setdefault(shared.concept, []).append((numbers[shared.sha], shared.number))
    for other, pairs in there.items():
        yield _warning(concept, other, *(sorted({*each}) for each in zip(*pairs, strict=True)))


def _warning(concept: ConceptRecord, other: str, own: list[int], others: list[int]) -> str:
    if len(own) == 1:
        also = f"image {own[0]} ({concept.images[own[0] - 1].source_name}) is also image {others[0]} of {other}"
    else:
        also = f"images {', '.join(ranges(own))} are also in {other} (its images {', '.join(ranges(others))})"
    if len(own) == len(concept.images):
        return f"{also}: are both the same subject?"
    drop = " ".join(f"--drop {part}" for part in ranges(own))
    them = "it does" if len(own) == 1 else "they do"
    return f"{also}. If {them} not show both: studio concepts edit {shlex.quote(concept.name)} {drop}"
