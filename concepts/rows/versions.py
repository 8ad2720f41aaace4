"""The concepts of a library and their immutable versions."""

import shlex
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from functools import cache

from sqlalchemy import ColumnElement, ScalarSelect, Select, and_, func, select
from sqlalchemy.orm import Session, aliased

from concepts.errors import ConceptChanged, ConceptExists, ConceptNotFound, ImagesMissing
from concepts.models import AdapterConcept, Concept, ConceptVersion, Library, VersionImage
from concepts.names import MAX_LENGTH, check_name, check_noun, name_key, shown
from concepts.records import AddResult, ConceptRecord, ConceptSummary, ImageRecord, NewImage, VersionSummary, manifest
from concepts.rows import captions, originals
from concepts.rows.blobs import of_one_pixel, store_blob
from concepts.rows.libraries import address

NEAR = 200
"""Names on either side of an unknown name that are compared with it. A large library has too many to compare all."""


def in_use(library: Library) -> ColumnElement[bool]:
    """Return the condition that a concept is in the library and not removed."""
    return and_(Concept.library_id == library.id, Concept.removed_at.is_(None))


def find_row(session: Session, library: Library, name: str) -> Concept | None:
    """Return the library's concept of that name, or None if it does not exist or is removed."""
    key = name_key(name.strip())
    return session.scalar(select(Concept).where(in_use(library), Concept.name_key == key))


def get_row(session: Session, library: Library, name: str) -> Concept:
    """Return the library's concept of that name. Raises ConceptNotFound, whose message suggests similar names.

    If a concept of that name was removed, the message says how to restore it.
    """
    if (row := find_row(session, library, name)) is not None:
        return row
    cause = f"No concept named {shown(name)} in library {shown(address(session, library))}."
    if removed := rows_of_name(session, library, name, Concept.removed_at.is_not(None)):
        restore = f"Restore it: studio concepts restore {shlex.quote(removed[0].name)}"
        raise ConceptNotFound(f"{cause} It was removed.", restore)
    known = near_names(session, library, name)
    near = [shown(known[key]) for key in get_close_matches(name_key(name[:MAX_LENGTH]), known, n=3)]
    if near:
        raise ConceptNotFound(cause, f"Did you mean {' or '.join(near)}?")
    listed = ", ".join([shown(other) for other in list(known.values())[:10]] + ["…"] * (len(known) > 10))
    remedy = "Add it with: studio add-concept NAME IMAGE --noun NOUN"
    raise ConceptNotFound(f"{cause} It has: {listed or 'nothing yet'}.", remedy)


def rows_of_name(session: Session, library: Library, name: str, condition: ColumnElement[bool]) -> list[Concept]:
    """Return the concepts of that name: first the one in use, then the removed ones, newest removal first."""
    query = select(Concept).where(Concept.library_id == library.id, Concept.name_key == name_key(name.strip()))
    newest = (Concept.removed_at.is_not(None), Concept.removed_at.desc(), Concept.id.desc())
    return list(session.scalars(query.where(condition).order_by(*newest)))


def near_names(session: Session, library: Library, name: str) -> dict[str, str]:
    """Return the alphabetical neighbours of this name, by key, in order. For a small library, these are all names."""
    key = name_key(name.strip()[:MAX_LENGTH])
    query = select(Concept.name_key, Concept.name).where(in_use(library)).limit(NEAR)
    before = session.execute(query.where(Concept.name_key < key).order_by(Concept.name_key.desc())).all()
    after = session.execute(query.where(Concept.name_key >= key).order_by(Concept.name_key)).all()
    return {key: name for key, name in [*reversed(before), *after]}


def names(session: Session, library: Library) -> dict[str, str]:
    """Return the names of the library's concepts, by key, in order."""
    query = select(Concept.name_key, Concept.name).where(in_use(library)).order_by(Concept.name_key)
    return {key: name for key, name in session.execute(query)}


def add(session: Session, library: Library, name: str, noun: str, images: Sequence[NewImage]) -> AddResult:
    """Add a concept in its first version. Raises as `Registry.add_concept`."""
    name, noun = check_name(name), check_noun(noun)
    require_images(name, images)
    if (row := find_row(session, library, name)) is None:
        row = Concept(library_id=library.id, name=name, name_key=name_key(name))
        session.add(row)
        session.flush()
        write_version(session, row, 1, noun, images)
        return AddResult(record(session, library, row), created=True)
    present = record(session, library, row)
    if present.manifest == manifest(noun, images):
        _complete(session, present.version_id, images)
        return AddResult(record(session, library, row), created=False)
    where = shown(address(session, library))
    cause = f"A concept named {shown(row.name)} is already in library {where}, with other content."
    quoted = shlex.quote(row.name)
    add_to_it = f"To add images to it: studio concepts edit {quoted} --add IMAGE"
    raise ConceptExists(cause, f"{add_to_it}. Or choose another name, or remove it: studio concepts remove {quoted}")


def revise(
    session: Session, library: Library, name: str, noun: str, images: Sequence[NewImage], expected: int | None
) -> AddResult:
    """Add the next version, unless the content is the current one. Raises as `Registry.revise_concept`."""
    row, noun = get_row(session, library, name), check_noun(noun)
    require_images(row.name, images)
    present = record(session, library, row)
    if expected is not None and present.version != expected:
        cause = f"{shown(row.name)} was changed in the meantime: its version is {present.version} now, not {expected}."
        raise ConceptChanged(cause, "Look at the new version, then run the command again: studio concepts show NAME")
    if present.manifest == manifest(noun, images):
        _complete(session, present.version_id, images)
        return AddResult(record(session, library, row), created=False)
    write_version(session, row, present.version + 1, noun, images)
    return AddResult(record(session, library, row), created=True)


def rename(session: Session, library: Library, name: str, new_name: str) -> ConceptRecord:
    """Rename a concept; its versions stay unchanged. Raises as `Registry.rename_concept`."""
    row, new_name = get_row(session, library, name), check_name(new_name)
    taken = find_row(session, library, new_name)
    if taken is not None and taken.id != row.id:
        cause = f"A concept named {shown(taken.name)} is already in library {shown(address(session, library))}."
        raise ConceptExists(cause, "Choose another name.")
    row.name, row.name_key = new_name, name_key(new_name)
    session.flush()
    return record(session, library, row)


def require_images(name: str, images: Sequence[NewImage]) -> None:
    """Raise ImagesMissing if there is no image."""
    if not images:
        raise ImagesMissing(f"No image was given for {shown(name)}.", "Give at least one reference image.")


def write_version(session: Session, row: Concept, number: int, noun: str, images: Sequence[NewImage]) -> None:
    """Store the bytes and rows of a version. Each image is read once; only one needs to be in memory."""
    stored: set[str] = set()
    records = [_store(session, image, stored) for image in images]
    write_rows(session, row, number, noun, manifest(noun, records), records)


def _complete(session: Session, version_id: int, images: Sequence[NewImage]) -> None:
    """Add to a version with this content what it lacks: intact bytes where they are damaged, originals and captions."""
    stored: set[str] = set()
    for image in images:
        _store_bytes(session, ((image.sha, image.data), (image.mask_sha, image.mask)), stored)
    originals.keep(session, version_id, images)
    captions.keep(session, version_id, images)


def _store(session: Session, image: NewImage, stored: set[str]) -> ImageRecord:
    """Store the bytes of an image that are not in `stored` yet, and add their hashes to it."""
    pairs = ((image.sha, image.data), (image.mask_sha, image.mask), (image.original_sha, image.original))
    _store_bytes(session, pairs, stored)
    return ImageRecord(
        image.sha,
        image.mask_sha,
        image.width,
        image.height,
        image.source_name,
        image.warnings,
        image.original_sha,
        image.caption,
    )


def _store_bytes(session: Session, pairs: Iterable[tuple[str | None, bytes | None]], stored: set[str]) -> None:
    for sha, data in pairs:
        if sha is not None and data is not None and sha not in stored:
            store_blob(session, sha, data)
            stored.add(sha)


def write_rows(
    session: Session, row: Concept, number: int, noun: str, content: str, images: Sequence[NewImage | ImageRecord]
) -> None:
    """Store the rows of a version whose bytes are already stored. `content` is its manifest."""
    version = ConceptVersion(concept_id=row.id, number=number, noun=noun, manifest=content)
    session.add(version)
    session.flush()
    session.add_all(_image_row(version.id, position, image) for position, image in enumerate(images))
    session.flush()
    originals.refer(session, version.id, images)
    captions.keep(session, version.id, images)


@cache  # building this query takes longer than running it; extending it makes a new query
def latest() -> Select:
    """Return a query of every concept with its current version, for callers to extend."""
    other = aliased(ConceptVersion)
    newest = select(func.max(other.number)).where(other.concept_id == Concept.id).scalar_subquery()
    joined = select(Concept, ConceptVersion).join(ConceptVersion, ConceptVersion.concept_id == Concept.id)
    return joined.where(ConceptVersion.number == newest)


def summaries(session: Session, library: Library) -> list[ConceptSummary]:
    """Return the library's concepts by name, without reading image bytes."""
    return summaries_where(session, library, in_use(library))


def summaries_where(session: Session, library: Library, condition: ColumnElement[bool]) -> list[ConceptSummary]:
    """Return the library's matching concepts, removed ones too, by name. Under one name, the newest comes first."""
    query = latest().add_columns(*_counted()).where(Concept.library_id == library.id, condition)
    query = query.order_by(Concept.name_key, Concept.removed_at.desc(), Concept.id.desc())
    return [
        ConceptSummary(
            id=concept.id,
            library=address(session, library),
            name=concept.name,
            noun=version.noun,
            version=version.number,
            version_id=version.id,
            manifest=version.manifest,
            image_count=count,
            created_at=concept.created_at,
            removed_at=concept.removed_at,
            picture_count=pictures,
        )
        for concept, version, count, pictures in session.execute(query)
    ]


def _counted() -> tuple[ScalarSelect[int], ScalarSelect[int]]:
    """Return the number of a version's images, and of those that are no notes in place of pictures."""
    images = select(func.count()).where(VersionImage.version_id == ConceptVersion.id)
    return images.scalar_subquery(), images.where(~of_one_pixel()).scalar_subquery()


def history(session: Session, row: Concept) -> list[VersionSummary]:
    """Return the concept's versions, newest first, with the adapters that were trained on each."""
    query = select(ConceptVersion, *_counted()).where(ConceptVersion.concept_id == row.id)
    saw = select(AdapterConcept.version_id, AdapterConcept.adapter_id).join(ConceptVersion)
    adapters: dict[int | None, list[int]] = {}
    for version_id, adapter in session.execute(saw.where(ConceptVersion.concept_id == row.id)):
        adapters.setdefault(version_id, []).append(adapter)
    return [
        VersionSummary(
            number=version.number,
            version_id=version.id,
            noun=version.noun,
            manifest=version.manifest,
            image_count=count,
            created_at=version.created_at,
            adapters=tuple(sorted(adapters.get(version.id, ()))),
            picture_count=pictures,
        )
        for version, count, pictures in session.execute(query.order_by(ConceptVersion.number.desc()))
    ]


def record(session: Session, library: Library, row: Concept, number: int | None = None) -> ConceptRecord:
    """Return the concept's current version, or version `number`, as a plain value. Raises ConceptNotFound."""
    query = latest().where(Concept.id == row.id)
    if number is not None:
        query = select(Concept, ConceptVersion).join(ConceptVersion, ConceptVersion.concept_id == Concept.id)
        query = query.where(Concept.id == row.id, ConceptVersion.number == number)
    found = session.execute(query).one_or_none()
    if found is None:
        present = record(session, library, row).version
        cause = f"{shown(row.name)} has no version {number}; it has 1 to {present}."
        raise ConceptNotFound(cause, f"See them with: studio concepts history {row.name}")
    version: ConceptVersion = found[1]
    images = select(VersionImage).where(VersionImage.version_id == version.id).order_by(VersionImage.position)
    kept, said = originals.of_version(session, version.id), captions.of_version(session, version.id)
    shown_images = tuple(
        image_record(image, kept.get(image.position), said.get(image.position)) for image in session.scalars(images)
    )
    return concept_record(address(session, library), row, version, shown_images)


def find_by_manifest(session: Session, library: Library, content: str, name: str) -> ConceptRecord | None:
    """Return the newest version with this content: of the concept of that name, else of the newest; or None."""
    query = select(Concept, ConceptVersion.number).join(ConceptVersion, ConceptVersion.concept_id == Concept.id)
    query = query.where(in_use(library), ConceptVersion.manifest == content)
    query = query.order_by(Concept.name_key != name_key(name.strip()), Concept.id.desc(), ConceptVersion.number.desc())
    found = session.execute(query).first()
    return None if found is None else record(session, library, found[0], found[1])


def concept_record(
    library: str, row: Concept, version: ConceptVersion, images: tuple[ImageRecord, ...]
) -> ConceptRecord:
    """Return a version of a concept as a plain value."""
    return ConceptRecord(
        id=row.id,
        library=library,
        name=row.name,
        noun=version.noun,
        version=version.number,
        version_id=version.id,
        manifest=version.manifest,
        created_at=row.created_at,
        images=images,
        changed_at=version.created_at,
    )


def image_record(row: VersionImage, original_sha: str | None, caption: str | None) -> ImageRecord:
    """Return a reference image as a plain value."""
    size, warnings = (row.width, row.height), tuple(row.warnings)
    return ImageRecord(row.image_sha, row.mask_sha, *size, row.source_name, warnings, original_sha, caption)


def _image_row(version_id: int, position: int, image: NewImage | ImageRecord) -> VersionImage:
    return VersionImage(
        version_id=version_id,
        position=position,
        image_sha=image.sha,
        mask_sha=image.mask_sha,
        width=image.width,
        height=image.height,
        source_name=image.source_name,
        warnings=list(image.warnings),
    )
