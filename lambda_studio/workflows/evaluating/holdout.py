"""Hold reference images back from a training, to score drawn pictures against them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from concepts.records import ConceptRecord, ImageRecord
from lambda_studio.config import require

LEFT = 2
"""A concept keeps at least this many images for the training; else none of its images is held back."""


@dataclass(frozen=True)
class Holdout:
    """The concepts with the images that are trained on, and the images that are held back."""

    training: tuple[ConceptRecord, ...]
    held: Mapping[str, tuple[ImageRecord, ...]]
    """By the concept's name. A concept with too few images is left out."""
    too_few: Mapping[str, str] = field(default_factory=dict)
    """What is said of each concept with too few images."""


def hold_out(concepts: Sequence[ConceptRecord], count: int) -> Holdout:
    """Hold `count` images of each concept back: those with the smallest hashes, whatever the seed and the order.

    Raises InvalidSetting if no concept has enough images.
    """
    if not count:
        return Holdout(tuple(concepts), {})
    held = {each.name: _chosen(each, count) for each in concepts if len(each.images) >= count + LEFT}
    cause = f"holdout is {count}, and no concept has {count + LEFT} images."
    require(bool(held), cause, "Add images: studio concepts edit NAME --add PHOTO. Or train without it.", "holdout")
    too_few = {each.name: _said(len(each.images), count) for each in concepts if each.name not in held}
    training = (_without(each, held.get(each.name, ())) for each in concepts)
    return Holdout(tuple(training), held, too_few)


def _chosen(concept: ConceptRecord, count: int) -> tuple[ImageRecord, ...]:
    smallest = sorted(concept.images, key=lambda image: image.sha)[:count]
    return tuple(image for image in concept.images if image in smallest)


def _without(concept: ConceptRecord, held: Sequence[ImageRecord]) -> ConceptRecord:
    return replace(concept, images=tuple(image for image in concept.images if image not in held))


def _said(images: int, count: int) -> str:
    have = f"{images} image{'s' if images > 1 else ''}"
    return f"{have} are too few to hold {count} back: it is not scored. Add others, up to {count + LEFT}."
