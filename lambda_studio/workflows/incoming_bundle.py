"""A bundle on its way in: every object is read, hashed and looked at before anything is stored."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from concepts.errors import ConceptError
from concepts.names import check_name, check_noun, name_key
from concepts.records import ImageRecord, NewImage, manifest
from lambda_studio.bundles.archive import Archive
from lambda_studio.bundles.contents import BundleConcept, BundleImage, is_left_out_note, left_out_note
from lambda_studio.bundles.signing import Signature
from lambda_studio.door import PictureDoor
from lambda_studio.errors import StudioError
from lambda_studio.workflows.encoders import Encoder
from lambda_studio.workflows.importing import Incoming, View
from lambda_studio.workflows.keys import FeatureKey
from lambda_studio.workflows.left_out import DTYPES, SIDE
from lambda_studio.workflows.workplace import Workplace

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

MAX_DIM = 16_384
"""Numbers in an embedding."""


@contextmanager
def open_bundle(
    place: Workplace, path: Path, trusted: Sequence["Ed25519PublicKey"] = ()
) -> Iterator[tuple[list[Incoming], int, Signature | None]]:
    """The concepts of a bundle that is right in every respect, the bytes they take, and who signed it.

    Raises BundleRefused, also where keys are trusted and none of them signed it.
    """
    with Archive(path, trusted) as archive:
        archive.faults += _name_faults(archive.contents.concepts)
        with place.progress("Checking", total=len(archive.contents.objects)) as advance:
            archive.faults += _object_faults(place.door, archive, advance)
        archive.refuse_if_faulty()
        incoming = [_incoming(archive, concept) for concept in archive.contents.concepts]
        yield incoming, sum(archive.contents.objects.values()), archive.signature


def _name_faults(concepts: Sequence[BundleConcept]) -> Iterator[str]:
    """Names and nouns that cannot be, and versions that are not what they are named by."""
    seen: set[str] = set()
    for number, concept in enumerate(concepts, start=1):
        try:
            if (check_name(concept.name), check_noun(concept.noun)) != (concept.name, concept.noun):
                yield f"concept {number}: its name or noun is not in its plain form"
        except ConceptError as error:
            yield f"concept {number}: {error.cause.rstrip('.')}"
        if name_key(concept.name) in seen:
            yield f"concept {number}: its name is there twice"
        seen.add(name_key(concept.name))
        if manifest(concept.noun, [_record(image) for image in concept.images]) != concept.manifest:
            yield f"concept {number}: its manifest hash is not that of its noun and images"


def _object_faults(door: PictureDoor, archive: Archive, advance: Callable[[], None]) -> Iterator[str]:
    """Objects that are not what their name says, or not what they are used for."""
    checks: dict[str, dict[tuple, Callable[[bytes], str | None]]] = {sha: {} for sha in archive.contents.objects}
    for image in (image for concept in archive.contents.concepts for image in concept.images):
        for sha, use, check in _uses(door, image):
            checks[sha][use] = check
    for sha, uses in checks.items():
        try:
            data = archive.read(sha)
        except StudioError:
            yield f"object {sha}: its bytes are damaged"
        else:
            yield from (f"object {sha} {fault}" for check in uses.values() if (fault := check(data)))
        advance()


def _uses(door: PictureDoor, image: BundleImage) -> Iterator[tuple[str, tuple, Callable[[bytes], str | None]]]:
    """What each object of an image must be, once for each use."""
    size = (image.width, image.height)
    if size == (SIDE, SIDE) and image.mask is None and image.embeddings:
        yield image.sha256, ("note",), _note_fault
    else:
        plain = not image.embeddings and min(size) > SIDE
        yield image.sha256, ("picture", plain, *size), lambda data: _only_picture_fault(door, data, size, plain)
    if image.mask is not None:
        yield image.mask, ("mask", *size), lambda data: door.mask_fault(data, size)
    for view in image.embeddings:
        yield view.sha256, ("view",), _view_fault


def _only_picture_fault(door: PictureDoor, data: bytes, size: tuple[int, int], plain: bool) -> str | None:
    if not plain:
        return "is a picture with embeddings of its own, or of one pixel"
    return door.picture_fault(data, size)


def _note_fault(data: bytes) -> str | None:
    """Whether these bytes are a note in the one spelling that it has."""
    wrong = "is not a note of pictures left out"
    if not is_left_out_note(data):
        return wrong
    try:
        pictures = json.loads(data)["pictures"]
        pairs = [(str(image), mask and str(mask)) for image, mask in pictures]
        return None if left_out_note(pairs) == data else wrong
    except (ValueError, TypeError, KeyError, RecursionError):
        return wrong


def _view_fault(data: bytes) -> str | None:
    if len(data) % 4 or not 4 <= len(data) <= 4 * MAX_DIM:
        return f"is not an embedding of 1 to {MAX_DIM} numbers"
    return None if np.isfinite(np.frombuffer(data, dtype="<f4")).all() else "is an embedding with numbers that are none"


def _incoming(archive: Archive, concept: BundleConcept) -> Incoming:
    return Incoming(
        name=concept.name,
        noun=concept.noun,
        manifest=concept.manifest,
        images=lambda: [_new_image(archive, image) for image in concept.images],
        views=lambda: [view for image in concept.images for view in _views(archive, image)],
    )


def _new_image(archive: Archive, image: BundleImage) -> NewImage:
    mask = archive.read(image.mask) if image.mask else None
    data = archive.read(image.sha256)
    return NewImage(data, mask, image.width, image.height, image.source_name, image.warnings)


def _views(archive: Archive, image: BundleImage) -> Iterator[View]:
    for view in image.embeddings:
        keys = tuple(
            FeatureKey(
                kind="image_embeds",
                encoder=Encoder(view.encoder, dtype),
                preprocessing=view.preprocessing,
                image=image.sha256,
            )
            for dtype in DTYPES
        )
        yield View(keys, archive.read(view.sha256))


def _record(image: BundleImage) -> ImageRecord:
    return ImageRecord(image.sha256, image.mask, image.width, image.height, image.source_name, image.warnings)
