"""Read and check a bundle: every object is read, hashed and validated before anything is stored."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from concepts.errors import ConceptError
from concepts.names import check_name, check_noun, name_key
from concepts.records import ImageRecord, manifest
from lambda_studio.bundles.archive import Archive
from lambda_studio.bundles.contents import BundleConcept, BundleImage
from lambda_studio.bundles.given import MAX_VIEWS, read_note, view_fault
from lambda_studio.bundles.signing import Signature
from lambda_studio.errors import StudioError
from lambda_studio.pictures.door import PictureDoor
from lambda_studio.workflows.bundles.bundle_images import BundleImages, note_of
from lambda_studio.workflows.bundles.incoming import Incoming
from lambda_studio.workflows.cache.encoders import KnownEncoders
from lambda_studio.workflows.workplace import Workplace

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


@contextmanager
def open_bundle(
    place: Workplace, path: Path, trusted: Sequence["Ed25519PublicKey"] = ()
) -> Iterator[tuple[list[Incoming], int, Signature | None]]:
    """Yield the concepts of a valid bundle, their size in bytes, and its signature.

    Raises BundleRefused if the bundle has a fault, or if `trusted` has keys and none of them signed it.
    """
    with Archive(path, trusted) as archive:
        archive.faults += _name_faults(archive.contents.concepts)
        with place.progress("Checking", total=len(archive.contents.objects)) as advance:
            archive.faults += _object_faults(place.door, KnownEncoders(place.home).widths(), archive, advance)
        archive.refuse_if_faulty()
        incoming = [_incoming(archive, concept) for concept in archive.contents.concepts]
        yield incoming, sum(archive.contents.objects.values()), archive.signature


def _name_faults(concepts: Sequence[BundleConcept]) -> Iterator[str]:
    """Yield a fault for each invalid or duplicate name, invalid noun and wrong manifest hash."""
    seen: set[str] = set()
    for number, concept in enumerate(concepts, start=1):
        try:
            if (check_name(concept.name), check_noun(concept.noun)) != (concept.name, concept.noun):
                yield f"concept {number}: its name or noun is not normalised"
        except ConceptError as error:
            yield f"concept {number}: {error.cause.rstrip('.')}"
        if name_key(concept.name) in seen:
            yield f"concept {number}: its name is a duplicate"
        seen.add(name_key(concept.name))
        yield from (f"concept {number}: {fault}" for image in concept.images if (fault := _embeddings_fault(image)))
        if manifest(concept.noun, _listed(concept)) != concept.manifest:
            yield f"concept {number}: its manifest hash does not match its noun and images"


def _listed(concept: BundleConcept) -> list[ImageRecord]:
    return [ImageRecord(image.sha256, image.mask, image.width, image.height, "", ()) for image in concept.images]


def _embeddings_fault(image: BundleImage) -> str | None:
    """Return why an older note's embeddings cannot be moved into the note, or None."""
    kinds = {(view.encoder, view.preprocessing) for view in image.embeddings}
    if len(kinds) < len(image.embeddings) or len(kinds) > MAX_VIEWS:
        return f"an image has two embeddings by one CLIP, or more than {MAX_VIEWS} embeddings"
    return None


def _object_faults(
    door: PictureDoor, widths: Mapping[str, int], archive: Archive, advance: Callable[[], None]
) -> Iterator[str]:
    """Yield a fault for each object whose bytes do not match its hash or its use.

    An object is checked once for each use, however often it is listed. Two claims about one use cannot both be right.
    """
    checks: dict[str, dict[str, _Use]] = {sha: {} for sha in archive.contents.objects}
    for image in (image for concept in archive.contents.concepts for image in concept.images):
        for sha, use in _uses(door, widths, image):
            first = checks[sha].setdefault(use.name, use)
            if first.claim != use.claim:
                yield f"object {sha} is listed with different sizes or embeddings"
    for sha, uses in checks.items():
        try:
            data = archive.read(sha)
        except StudioError:
            yield f"object {sha}: its bytes are damaged"
        else:
            yield from (f"object {sha} {fault}" for use in uses.values() if (fault := use.check(data)))
        advance()


@dataclass(frozen=True)
class _Use:
    """A use of an object, what the manifest claims about it, and the check of the object's bytes."""

    name: str
    claim: tuple
    check: Callable[[bytes], str | None]


def _uses(door: PictureDoor, widths: Mapping[str, int], image: BundleImage) -> Iterator[tuple[str, _Use]]:
    """Yield the hash and the use of each object of an image."""
    size = (image.width, image.height)
    if image.is_note and image.mask is None:
        older = bool(image.embeddings)
        yield image.sha256, _Use("note", (older,), lambda data: _note_fault(data, older, widths))
    else:
        plain = not image.embeddings and not image.is_note and min(size) > 1
        yield image.sha256, _Use("picture", (plain, *size), lambda data: _only_picture_fault(door, data, size, plain))
    if image.mask is not None:
        yield image.mask, _Use("mask", size, lambda data: door.mask_fault(data, size))
    for view in image.embeddings:
        check = partial(view_fault, width=widths.get(view.encoder))
        yield view.sha256, _Use(f"embedding by {view.encoder}", (), check)


def _only_picture_fault(door: PictureDoor, data: bytes, size: tuple[int, int], plain: bool) -> str | None:
    if not plain:
        return "is a picture of one pixel, or has embeddings"
    return door.picture_fault(data, size)


def _note_fault(data: bytes, older: bool, widths: Mapping[str, int]) -> str | None:
    """Return why these bytes are not a valid note, or None. An `older` note has its embeddings in other objects.

    `widths` says how many numbers the embeddings of known CLIPs have, by fingerprint.
    """
    try:
        note = read_note(data)
    except ValueError as error:
        return str(error)
    if fault := next(filter(None, (view_fault(each.data, widths.get(each.encoder)) for each in note.views)), None):
        return f"is a note, and one of its embeddings {fault}"
    if older and note.views:
        return "is a note with embeddings, and has other embeddings beside it"
    return None if older or note.views else "is a note for pictures left out, but has no embedding"


def _incoming(archive: Archive, concept: BundleConcept) -> Incoming:
    images = BundleImages(archive, concept.images)
    alone = len(images) == 1 and concept.images[0].is_note
    return Incoming(
        name=concept.name,
        noun=concept.noun,
        manifest=manifest(concept.noun, list(images.records())),
        images=lambda: images,
        left_out=note_of(archive, concept.images[0]).stands_for if alone else "",
    )
