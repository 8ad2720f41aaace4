"""Adapters: files beside the database, and the concept versions that they were trained on."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import delete, exists, func, select
from sqlalchemy.orm import Session

from concepts.errors import AdapterNotFound
from concepts.models import Adapter, AdapterConcept, Concept, ConceptVersion, Library, Run, now
from concepts.names import shown
from concepts.records import AdapterRecord
from concepts.rows.libraries import address, list_rows
from concepts.rows.training.adapter_names import SHORTEST_HASH, require_free, with_name
from concepts.rows.training.lineage import Present, present, snapshots

MOST_KNOWN = 10
"""The most adapters that a message names."""


@dataclass(frozen=True, kw_only=True)
class NewAdapter:
    """A new adapter whose file is already written."""

    sha256: str
    file_name: str
    method: str
    stack: str
    settings: dict[str, Any]


def add(session: Session, library: Library, new: NewAdapter, versions: Sequence[int]) -> Adapter:
    """Register an adapter's file. The same bytes again update the existing adapter and its date."""
    row = _of_file(session, library, new.sha256)
    named = {} if row is None or "name" not in row.settings else {"name": row.settings["name"]}
    if row is None:
        row = Adapter(library_id=library.id, sha256=new.sha256)
        session.add(row)
    row.file_name, row.method, row.stack = new.file_name, new.method, new.stack
    row.settings = {**named, **new.settings}
    newest = session.scalar(select(func.max(Adapter.created_at)).where(Adapter.library_id == library.id))
    # Later than every other one, also if the clock was set back: the newest adapter is the one that is used.
    row.created_at = now() if newest is None else max(now(), newest + timedelta(microseconds=1))
    session.flush()
    session.execute(delete(AdapterConcept).where(AdapterConcept.adapter_id == row.id))
    session.add_all(AdapterConcept(adapter_id=row.id, **seen) for seen in snapshots(session, library, versions))
    session.flush()
    return row


def derive(session: Session, library: Library, new: NewAdapter, sources: Sequence[Adapter]) -> Adapter:
    """Register an adapter that was made of others. It knows every version that they know, also forgotten ones.

    Raises AdapterExists if another adapter has its name.
    """
    if name := new.settings.get("name"):
        require_free(session, library, name, but=_of_file(session, library, new.sha256))
    row = add(session, library, new, ())
    seen: dict[tuple[str, str], dict[str, Any]] = {}
    for source in sources:
        of_source = select(AdapterConcept).where(AdapterConcept.adapter_id == source.id)
        for each in session.scalars(of_source.order_by(AdapterConcept.position)):
            snapshot = {"version_id": each.version_id, "number": each.number}
            seen.setdefault((each.name, each.manifest), {**snapshot, "name": each.name, "manifest": each.manifest})
    session.add_all(
        AdapterConcept(adapter_id=row.id, position=position, **each) for position, each in enumerate(seen.values())
    )
    session.flush()
    return row


def find_row(session: Session, library: Library, adapter: int | str) -> Adapter | None:
    """Return the library's adapter with that id, name, or unique SHA-256 prefix of at least 8 digits, or None."""
    of_library = select(Adapter).where(Adapter.library_id == library.id)
    text = str(adapter).strip().lower()
    if text.isascii() and text.isdigit() and len(text) < SHORTEST_HASH:
        return session.scalar(of_library.where(Adapter.id == int(text)))
    if len(text) < SHORTEST_HASH or set(text) - set("0123456789abcdef"):
        matches: Sequence[Adapter] = with_name(session, library, str(adapter))
    else:
        matches = session.scalars(of_library.where(Adapter.sha256.startswith(text)).limit(2)).all()
    return matches[0] if len(matches) == 1 else None


def get_row(session: Session, library: Library, adapter: int | str) -> Adapter:
    """Return the library's adapter with that id, name or SHA-256 prefix. Raises AdapterNotFound."""
    if (row := find_row(session, library, adapter)) is not None:
        return row
    if same := with_name(session, library, str(adapter)):
        cause = f"Adapters {', '.join(str(each.id) for each in same)} have the name {shown(str(adapter))}."
        raise AdapterNotFound(cause, "Give a number, or rename one: studio adapters rename ID NAME")
    known = _known(session, library)
    cause = f"No adapter {shown(str(adapter))} is in library {shown(address(session, library))}."
    if other := _other_library(session, library, adapter):
        raise AdapterNotFound(f"{cause} It is in library {shown(other)}.", f"Give --library {shown(other)}.")
    if not known:
        raise AdapterNotFound(
            f"{cause} It has none yet.", "Make one: studio finetune NAME..., or studio finetune --all"
        )
    raise AdapterNotFound(
        f"{cause} It has: {known}{'' if known.endswith('…') else '.'}", "List them with: studio adapters"
    )


def _known(session: Session, library: Library) -> str:
    """Return the newest adapters of a library for a message, by number and name."""
    query = select(Adapter).where(Adapter.library_id == library.id).order_by(Adapter.id.desc()).limit(MOST_KNOWN + 1)
    rows = session.scalars(query).all()
    said = [f"{row.id} ({row.settings['name']})" if row.settings.get("name") else f"{row.id}" for row in rows]
    return ", ".join(said[:MOST_KNOWN]) + (" …" if len(said) > MOST_KNOWN else "")


def numbers(session: Session, library: Library, shas: Collection[str]) -> dict[str, int]:
    """Return the library's adapter for each of these hashes of files that it has."""
    of_library = select(Adapter.sha256, Adapter.id).where(Adapter.library_id == library.id)
    return {sha: number for sha, number in session.execute(of_library.where(Adapter.sha256.in_(shas)))}


def _of_file(session: Session, library: Library, sha: str) -> Adapter | None:
    return session.scalar(select(Adapter).where(Adapter.library_id == library.id, Adapter.sha256 == sha))


def _other_library(session: Session, library: Library, adapter: int | str) -> str | None:
    """Return the address of another library that the user can see and that has the adapter, or None."""
    others = [each for each in list_rows(session, session.info["user"]) if each.id != library.id]
    return next((address(session, each) for each in others if find_row(session, each, adapter)), None)


def records(session: Session, library: Library) -> list[AdapterRecord]:
    """Return the library's adapters, newest first."""
    newest = select(Adapter).where(Adapter.library_id == library.id)
    rows = session.scalars(newest.order_by(Adapter.created_at.desc(), Adapter.id.desc())).all()
    return _records(session, library, rows)


def record(session: Session, library: Library, row: Adapter) -> AdapterRecord:
    """Return the adapter as a plain value."""
    return _records(session, library, [row])[0]


def that_saw(session: Session, library: Library, concept: Concept) -> list[AdapterRecord]:
    """Return the adapters that were trained on any version of this concept, newest first."""
    saw = select(AdapterConcept.adapter_id).join(ConceptVersion, AdapterConcept.version_id == ConceptVersion.id)
    ids = session.scalars(saw.where(ConceptVersion.concept_id == concept.id)).all()
    newest = select(Adapter).where(Adapter.id.in_(ids)).order_by(Adapter.created_at.desc(), Adapter.id.desc())
    return _records(session, library, session.scalars(newest).all())


def without_row(session: Session, shas: Collection[str]) -> set[str]:
    """Return which of these files, each given by its SHA-256, no adapter of any library has."""
    return set(shas) - set(session.scalars(select(Adapter.sha256).where(Adapter.sha256.in_(shas))))


def remove(session: Session, row: Adapter) -> bool:
    """Delete an adapter; return whether no other library uses its file."""
    sha = row.sha256
    session.delete(row)
    session.flush()
    return not session.scalar(select(exists().where(Adapter.sha256 == sha)))


def _records(session: Session, library: Library, rows: Sequence[Adapter]) -> list[AdapterRecord]:
    concepts = present(session, library) if rows else Present({}, {}, {})
    return [_record(session, library, row, concepts) for row in rows]


def _record(session: Session, library: Library, row: Adapter, concepts: Present) -> AdapterRecord:
    seen = select(AdapterConcept).where(AdapterConcept.adapter_id == row.id).order_by(AdapterConcept.position)
    made_by = select(Run.id).where(Run.adapter_id == row.id).order_by(Run.id.desc()).limit(1)
    return AdapterRecord(
        id=row.id,
        library=address(session, library),
        sha256=row.sha256,
        file_name=row.file_name,
        method=row.method,
        stack=row.stack,
        settings=row.settings,
        created_at=row.created_at,
        run_id=session.scalar(made_by),
        concepts=tuple(concepts.look_up(each) for each in session.scalars(seen)),
    )
