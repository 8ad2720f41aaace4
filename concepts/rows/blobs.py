"""Content-addressed bytes: stored once, verified at every read, deleted when nothing refers to them."""

from collections.abc import Collection, Iterable

from sqlalchemy import ColumnElement, Exists, and_, delete, exists, or_, select
from sqlalchemy.orm import Session

from concepts.access import visible
from concepts.errors import ContentDamaged, StorageFailed
from concepts.models import Blob, Concept, ConceptVersion, Feature, Library, Original, VersionImage
from concepts.records import DeletedBytes, sha256


def store_blob(session: Session, sha: str, data: bytes) -> None:
    """Store the bytes under their hash, and overwrite a damaged copy. Raises StorageFailed if a re-read differs."""
    if _intact(session, sha):
        return
    blob = session.get(Blob, sha)
    if blob is None:
        session.add(Blob(sha=sha, size=len(data), data=data))
    else:
        blob.size, blob.data = len(data), data
    session.flush()
    if not _intact(session, sha):
        raise StorageFailed(
            f"The stored bytes of {sha} differ from the written ones.", "Check the disk and the memory."
        )


def find_bytes(session: Session, sha: str) -> bytes | None:
    """Return the stored bytes, unverified, or None."""
    return session.scalar(select(Blob.data).where(Blob.sha == sha))


def find_size(session: Session, sha: str) -> int | None:
    """Return the number of bytes stored under this hash, or None."""
    return session.scalar(select(Blob.size).where(Blob.sha == sha))


def read_blob(session: Session, user: str, sha: str) -> bytes:
    """Return the bytes of an image, mask or original in a library that the user can see. Raises ContentDamaged."""
    shown = visible_image(user, or_(VersionImage.image_sha == sha, VersionImage.mask_sha == sha))
    data = find_bytes(session, sha) if session.scalar(select(or_(shown, _visible_original(user, sha)))) else None
    if data is None:
        raise ContentDamaged(f"No image, mask or original {sha[:80]!r} is stored.", "Add its concept again.")
    if sha256(data) != sha:
        raise ContentDamaged(f"The stored bytes of {sha} are damaged.", "Remove its concept and add it again.")
    return data


def visible_image(user: str, matches: ColumnElement[bool]) -> Exists:
    """Return the condition that a matching image is in a concept that the user can see."""
    shown = select(VersionImage).where(matches).join(ConceptVersion, VersionImage.version_id == ConceptVersion.id)
    return shown.join(Concept).join(Library).where(visible(user), Concept.removed_at.is_(None)).exists()


def of_one_pixel() -> ColumnElement[bool]:
    """Return the condition that an image is a note in place of pictures. Nothing is computed from a note."""
    return and_(VersionImage.width == 1, VersionImage.height == 1)


def _visible_original(user: str, sha: str) -> Exists:
    kept = select(Original).where(Original.original_sha == sha)
    shown = kept.join(ConceptVersion, Original.version_id == ConceptVersion.id).join(Concept).join(Library)
    return shown.where(visible(user), Concept.removed_at.is_(None)).exists()


def collect(session: Session, shas: Iterable[str | None]) -> DeletedBytes:
    """Delete the blobs among these that nothing uses any more, with the features computed from them."""
    candidates = {sha for sha in shas if sha is not None}
    if not candidates:
        return DeletedBytes({})
    for feature in session.scalars(select(Feature).where(_computed_from(candidates), ~_still_shown())):
        candidates.add(feature.blob_sha)
        session.delete(feature)
    session.flush()
    sizes: dict[str, int] = {}
    for sha in sorted(candidates):
        gone = delete(Blob).where(Blob.sha == sha, ~_referenced(sha)).returning(Blob.size)
        if (size := session.scalar(gone)) is not None:
            sizes[sha] = size
    return DeletedBytes(sizes)


def _intact(session: Session, sha: str) -> bool:
    data = find_bytes(session, sha)
    return data is not None and sha256(data) == sha


def _computed_from(shas: Collection[str]) -> ColumnElement[bool]:
    return or_(Feature.image_sha.in_(shas), Feature.mask_sha.in_(shas))


def _still_shown() -> ColumnElement[bool]:
    # A feature with a mask belongs to that pair of image and mask; a feature without a mask belongs to the image.
    same_mask = or_(Feature.mask_sha.is_(None), VersionImage.mask_sha == Feature.mask_sha)
    return exists().where(VersionImage.image_sha == Feature.image_sha, same_mask)


def _referenced(sha: str) -> ColumnElement[bool]:
    shown = exists().where(or_(VersionImage.image_sha == sha, VersionImage.mask_sha == sha))
    needed = or_(Feature.image_sha == sha, Feature.mask_sha == sha, Feature.blob_sha == sha)
    return or_(shown, exists().where(Original.original_sha == sha), exists().where(needed))
