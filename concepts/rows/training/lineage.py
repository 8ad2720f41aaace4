"""The concept versions of runs and adapters, and what became of them since."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from concepts.errors import ConceptNotFound
from concepts.models import AdapterConcept, Concept, ConceptVersion, Library, RunConcept
from concepts.names import name_key, shown
from concepts.records import SeenConcept
from concepts.rows.libraries import address
from concepts.rows.versions import in_use, latest


@dataclass(frozen=True)
class Present:
    """The current concepts of a library."""

    names: dict[int, str]
    """From the id of any version to its concept's name."""
    removed_names: dict[int, str]
    """The same for removed concepts."""
    contents: dict[str, str]
    """From the manifest of a current version to its concept's name."""

    @cached_property
    def keys(self) -> frozenset[str]:
        """The keys of all names, for comparison."""
        return frozenset(map(name_key, self.names.values()))

    def look_up(self, row: AdapterConcept | RunConcept) -> SeenConcept:
        """Return the state of a version that was trained on. Equal content counts, not its date or name."""
        number = row.version_id or 0
        last = self.removed_names.get(number, row.name)
        name = self.names.get(number) or self.contents.get(row.manifest, last)
        fresh = row.manifest in self.contents
        there = name_key(name) in self.keys
        return SeenConcept(
            name=name,
            version=row.number,
            version_id=row.version_id,
            manifest=row.manifest,
            stale=there and not fresh,
            removed=not there and not fresh,
            forgotten=row.version_id is None and not fresh,
        )


def present(session: Session, library: Library) -> Present:
    """Return the current concepts of the library."""
    versions = select(ConceptVersion.id, Concept.name).join(Concept).where(Concept.library_id == library.id)
    current = latest().with_only_columns(ConceptVersion.manifest, Concept.name).where(in_use(library))
    there = Concept.removed_at.is_(None)
    return Present(
        names={version_id: name for version_id, name in session.execute(versions.where(there))},
        removed_names={version_id: name for version_id, name in session.execute(versions.where(~there))},
        contents={manifest: name for manifest, name in session.execute(current.order_by(Concept.id.desc()))},
    )


def snapshots(session: Session, library: Library, versions: Sequence[int]) -> list[dict[str, Any]]:
    """Return the columns to store for these versions, without duplicates. Raises ConceptNotFound for a foreign id."""
    written: list[dict[str, Any]] = []
    for position, version_id in enumerate(dict.fromkeys(versions)):
        query = select(Concept.name, ConceptVersion.number, ConceptVersion.manifest).join(ConceptVersion)
        query = query.where(Concept.library_id == library.id, ConceptVersion.id == version_id)
        if (found := session.execute(query).one_or_none()) is None:
            cause = f"No concept version with the id {version_id} is in library {shown(address(session, library))}."
            raise ConceptNotFound(cause, "The concept may have been removed in the meantime. Run the command again.")
        written.append({"position": position, "version_id": version_id, **found._mapping})
    return written
