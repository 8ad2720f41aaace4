"""The concepts of a library that have a picture, by its hash."""

from collections.abc import Iterator, Sequence

from sqlalchemy.orm import Session

from concepts.models import Concept, ConceptVersion, Library, VersionImage
from concepts.records import SamePicture
from concepts.rows import versions
from concepts.rows.blobs import of_one_pixel

AT_ONCE = 500
"""How many hashes one query asks for."""


def find(session: Session, library: Library, concept_id: int, shas: Sequence[str]) -> Iterator[SamePicture]:
    """Iterate over these pictures in the current versions of the library's other concepts, by name and position.

    A note in place of a picture is none.
    """
    query = versions.latest().join(VersionImage, VersionImage.version_id == ConceptVersion.id)
    query = query.where(versions.in_use(library), Concept.id != concept_id, ~of_one_pixel())
    query = query.order_by(Concept.name_key, VersionImage.position)
    columns = query.with_only_columns(Concept.name, VersionImage.position, VersionImage.image_sha)
    for start in range(0, len(shas), AT_ONCE):
        some = columns.where(VersionImage.image_sha.in_(shas[start : start + AT_ONCE]))
        for name, position, sha in session.execute(some):
            yield SamePicture(sha, name, position + 1)
