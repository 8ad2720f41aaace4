"""Copying a concept to another library without duplicating its bytes."""

from collections.abc import Iterable

from sqlalchemy.orm import Session

from concepts.errors import ConceptExists
from concepts.models import Concept, Library
from concepts.names import check_name, name_key, shown
from concepts.records import AddResult, ConceptRecord
from concepts.rows import captions, originals, versions
from concepts.rows.blobs import read_blob
from concepts.rows.libraries import address


def copy(session: Session, user: str, source: ConceptRecord, target: Library, new_name: str | None) -> AddResult:
    """Copy the concept's current version to `target` as an independent concept. Raises as `Registry.copy_concept`.

    A concept with the same name and content is returned as it is, with the source's captions and any originals that it
    lacks.
    """
    name = check_name(new_name) if new_name is not None else source.name
    if (taken := versions.find_row(session, target, name)) is not None:
        present = versions.record(session, target, taken)
        if present.manifest == source.manifest:
            _read_whole(session, user, {image.original_sha for image in source.images})
            originals.refer(session, present.version_id, source.images)
            captions.keep(session, present.version_id, source.images)
            return AddResult(versions.record(session, target, taken), created=False)
        cause = f"A concept named {shown(taken.name)} is already in library {shown(address(session, target))}."
        raise ConceptExists(cause, "Give the copy another name with new_name=NEW_NAME.")
    shas = {sha for image in source.images for sha in (image.sha, image.mask_sha, image.original_sha)}
    _read_whole(session, user, shas)
    row = Concept(library_id=target.id, name=name, name_key=name_key(name))
    session.add(row)
    session.flush()
    versions.write_rows(session, row, 1, source.noun, source.manifest, source.images)
    return AddResult(versions.record(session, target, row), created=True)


def _read_whole(session: Session, user: str, shas: Iterable[str | None]) -> None:
    """Raise ContentDamaged unless all these blobs match their hashes."""
    for sha in shas:
        if sha is not None:
            read_blob(session, user, sha)
