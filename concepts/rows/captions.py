"""The captions of a version's images, beside the version: they are no part of its manifest."""

from collections.abc import Iterable, Sequence

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from concepts.models import Caption
from concepts.records import ImageRecord, NewImage


def of_version(session: Session, version_id: int) -> dict[int, str]:
    """Return the captions of a version's images, by position."""
    return {position: text for (_, position), text in of_versions(session, [version_id]).items()}


def of_versions(session: Session, version_ids: Iterable[int]) -> dict[tuple[int, int], str]:
    """Return the captions of several versions' images, by version and position."""
    query = select(Caption).where(Caption.version_id.in_(list(version_ids)))
    return {(row.version_id, row.position): row.text for row in session.scalars(query)}


def keep(session: Session, version_id: int, images: Sequence[NewImage | ImageRecord]) -> None:
    """Store the captions of a version's images.

    A new text replaces the former, and an empty one removes it. An image without a caption keeps the stored one.
    """
    had = of_version(session, version_id)
    said = {at: image.caption for at, image in enumerate(images) if image.caption is not None}
    new = {at: text for at, text in said.items() if text != had.get(at, "")}
    of_these = Caption.version_id == version_id, Caption.position.in_(sorted(new.keys() & had.keys()))
    session.execute(delete(Caption).where(*of_these))
    session.add_all(Caption(version_id=version_id, position=at, text=text) for at, text in new.items() if text)
    session.flush()
