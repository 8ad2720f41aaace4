"""Original files, byte for byte, beside the working copies made from them."""

from collections.abc import Iterable, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from concepts.models import Original
from concepts.records import ImageRecord, NewImage
from concepts.rows.blobs import store_blob


def of_version(session: Session, version_id: int) -> dict[int, str]:
    """Return the SHA-256 of a version's stored originals, by position."""
    query = select(Original.position, Original.original_sha).where(Original.version_id == version_id)
    return {position: sha for position, sha in session.execute(query)}


def of_versions(session: Session, version_ids: Iterable[int]) -> dict[tuple[int, int], str]:
    """Return the SHA-256 of several versions' stored originals, by version and position."""
    query = select(Original).where(Original.version_id.in_(list(version_ids)))
    return {(row.version_id, row.position): row.original_sha for row in session.scalars(query)}


def keep(session: Session, version_id: int, images: Sequence[NewImage]) -> None:
    """Store the originals of a version's images. An existing original stays; a damaged copy is overwritten."""
    had = of_version(session, version_id)
    for position, image in enumerate(images):
        sha = image.original_sha
        if image.original is not None and sha is not None and had.get(position, sha) == sha:
            store_blob(session, sha, image.original)
    refer(session, version_id, images)


def refer(session: Session, version_id: int, images: Sequence[NewImage | ImageRecord]) -> None:
    """Add the rows of originals whose bytes are already stored."""
    had = of_version(session, version_id)
    session.add_all(
        Original(version_id=version_id, position=position, original_sha=image.original_sha)
        for position, image in enumerate(images)
        if position not in had and image.original_sha is not None
    )
    session.flush()
