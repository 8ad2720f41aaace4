"""Say the warnings of new images with their numbers, and near-duplicates once for each group."""

import shlex
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from concepts.records import ConceptRecord, ImageRecord
from lambda_studio.pictures.near_duplicates import ALMOST, other_in
from lambda_studio.pictures.sharpness import BLURRED_SAID

Said = Sequence[tuple[int | None, str, tuple[str, ...]]]
"""The number of each new image in its concept, its file's name, and its warnings."""


def numbered(concept: ConceptRecord, new: Iterable[tuple[tuple[str, str | None], str, tuple[str, ...]]]) -> Said:
    """Return new images, each by the hashes of picture and mask, its file's name and its warnings, with numbers."""
    images = reversed([*enumerate(concept.images, start=1)])  # of equal images, the first one counts
    numbers = {(image.sha, image.mask_sha): number for number, image in images}
    return [(numbers.get(pair), name, warnings) for pair, name, warnings in new]


def every_image(concept: ConceptRecord) -> Said:
    """Return all images of a concept, with their stored warnings."""
    return [(number, image.source_name, image.warnings) for number, image in enumerate(concept.images, start=1)]


def told_warnings(concept: ConceptRecord, said: Said, with_alike: bool = True) -> Iterator[str]:
    """Yield the warnings as a user reads them; those about near-duplicates only `with_alike`."""
    for number, name, warnings in said:
        where = f"image {number} ({name})" if number else name
        yield from (f"{where}: {text}" for text in warnings if not text.startswith(ALMOST))
    if groups := alike(concept, said) if with_alike else []:
        yield _told_alike(concept, groups)


def alike(concept: ConceptRecord, said: Said) -> list[set[int]]:
    """Return the numbers of near-duplicates, as sets: each has all images that are like one of the others in it."""
    pictures = [(image.source_name, image.sha) for image in concept.images]
    groups: dict[int, set[int]] = {}
    for number, _, warnings in said:
        for other in (other_in(text, pictures) for text in warnings):
            if number and other and other != number:
                _join(groups, number, other)
    return sorted({id(group): group for group in groups.values()}.values(), key=min)


def shown_warnings(concept: ConceptRecord, number: int) -> Iterator[str]:
    """Yield the stored warnings of an image, with near-duplicates by their numbers. One that is gone is not named."""
    pictures = [(image.source_name, image.sha) for image in concept.images]
    for text in concept.images[number - 1].warnings:
        other = other_in(text, pictures)
        if other and other != number:
            yield f"{ALMOST}image {other} ({pictures[other - 1][0]})"
        elif not text.startswith(ALMOST):
            yield text


def _told_alike(concept: ConceptRecord, groups: Sequence[set[int]]) -> str:
    """Return the note for all groups of like pictures, with one command: after an edit their numbers are others."""
    kept = [max(sorted(group), key=lambda number: _worth(concept.images[number - 1])) for group in groups]
    drop = " ".join(f"--drop {part}" for part in ranges(sorted(set().union(*groups) - {*kept})))
    command = f"studio concepts edit {shlex.quote(concept.name)} {drop}"
    if len(groups) > 1:
        them = "; ".join(f"images {', '.join(ranges(sorted(group)))}" for group in groups)
        best = ", ".join(map(str, sorted(kept)))
        return f"pictures are almost the same ({them}): keep images {best}, the sharpest or largest of each: {command}"
    them = f"{len(groups[0])} pictures are almost the same (images {', '.join(ranges(sorted(groups[0])))})"
    which = "keep one" if kept[0] == min(groups[0]) else f"keep image {kept[0]}, the sharpest or largest"
    return f"{them}: {which}: {command}"


def _worth(image: ImageRecord) -> tuple[bool, int]:
    """Return what tells which of several like pictures is the best one: a larger value is better."""
    return BLURRED_SAID not in image.warnings, image.width * image.height


def _join(groups: dict[int, set[int]], one: int, other: int) -> None:
    """Put two images, and all that are like them, into one group."""
    group = groups.get(one, {one}) | groups.get(other, {other})
    groups.update(dict.fromkeys(group, group))


def ranges(numbers: Sequence[int]) -> list[str]:
    """Return sorted numbers as texts, those in a row together: 1, 3, 4, 5 -> "1", "3-5"."""
    rows = [[number for _, number in row] for _, row in groupby(enumerate(numbers), lambda each: each[1] - each[0])]
    return [f"{row[0]}-{row[-1]}" if len(row) > 1 else str(row[0]) for row in rows]
