"""Content-addressed bytes: stored once, verified whenever they are read, deleted when nothing refers to them."""

from collections.abc import Collection, Iterable

from sqlalchemy import ColumnElement, delete, exists, or_, select
from sqlalchemy.orm import Session

from concepts.errors import ContentDamaged, StorageFailed
from concepts.models import Blob, Concept, ConceptVersion, Feature, Library, VersionImage
from concepts.records import sha256


def store_blob(session: Session, sha: str, data: bytes) -> None:
    """Store the bytes under their hash. Stored bytes that are damaged are mended by the right ones."""
    if _intact(session, sha):
        return
    blob = session.get(Blob, sha)
    if blob is None:
        session.add(Blob(sha=sha, size=len(data), data=data))
    else:
        blob.size, blob.data = len(data), data
    session.flush()
    if not _intact(session, sha):
        raise StorageFailed(f"What was read back of {sha} is not what was written.", "Check the disk and the memory.")


def find_bytes(session: Session, sha: str) -> bytes | None:
    """The bytes as they are stored, damaged or not."""
    return session.scalar(select(Blob.data).where(Blob.sha == sha))


def read_blob(session: Session, owner: str, sha: str) -> bytes:
    """The bytes of an image or mask in one of the owner's libraries. Raises ContentDamaged."""
    data = find_bytes(session, sha) if _visible(session, owner, sha) else None
    if data is None:
        raise ContentDamaged(f"No image or mask {sha[:80]!r} is stored.", "Add its concept again.")
    if sha256(data) != sha:
        raise ContentDamaged(f"The stored bytes of {sha} are damaged.", "Remove its concept and add it again.")
    return data


def collect(session: Session, shas: Iterable[str | None]) -> None:
    """Delete those of these blobs that nothing needs any more, with the features that were computed from them."""
    candidates = {sha for sha in shas if sha is not None}
    if not candidates:
        return
    for feature in session.scalars(select(Feature).where(_computed_from(candidates), ~_still_shown())):
        candidates.add(feature.blob_sha)
        session.delete(feature)
    session.flush()
    for sha in candidates:
        session.execute(delete(Blob).where(Blob.sha == sha, ~_referenced(sha)))


def _intact(session: Session, sha: str) -> bool:
    data = find_bytes(session, sha)
    return data is not None and sha256(data) == sha


def _visible(session: Session, owner: str, sha: str) -> bool:
    shown = select(VersionImage).where(or_(VersionImage.image_sha == sha, VersionImage.mask_sha == sha))
    shown = shown.join(ConceptVersion, VersionImage.version_id == ConceptVersion.id)
    shown = shown.join(Concept).join(Library).where(Library.owner == owner)
    return bool(session.scalar(select(shown.exists())))


def _computed_from(shas: Collection[str]) -> ColumnElement[bool]:
    return or_(Feature.image_sha.in_(shas), Feature.mask_sha.in_(shas))


def _still_shown() -> ColumnElement[bool]:
    # A feature that names a mask belongs to that pair of image and mask; one that names none, to the image.
    same_mask = or_(Feature.mask_sha.is_(None), VersionImage.mask_sha == Feature.mask_sha)
    return exists().where(VersionImage.image_sha == Feature.image_sha, same_mask)


def _referenced(sha: str) -> ColumnElement[bool]:
    shown = exists().where(or_(VersionImage.image_sha == sha, VersionImage.mask_sha == sha))
    needed = or_(Feature.image_sha == sha, Feature.mask_sha == sha, Feature.blob_sha == sha)
    return or_(shown, exists().where(needed))
