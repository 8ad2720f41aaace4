"""What is done to a home as a whole, also where its database cannot be opened: check, back up, restore, examine."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from concepts import upkeep
from concepts.database import FILE_NAME
from concepts.upkeep import DatabaseFault, DatabaseState
from lambda_studio.studio import Studio
from lambda_studio.workflows.examining import Finding, database_findings


@dataclass(frozen=True)
class Upgraded:
    """The database before and after."""

    before: DatabaseState
    after: DatabaseState


@dataclass(frozen=True)
class Checked:
    """A check of every row and every byte."""

    state: DatabaseState
    faults: tuple[DatabaseFault, ...]


@dataclass(frozen=True)
class Copied:
    """A backup that was made, or the place where what a restored one replaced is kept."""

    database: Path
    copy: Path | None


def upgrade_database(home: Path) -> Upgraded:
    """Bring the schema to this version's, after a backup. Raises DatabaseUnusable; the file is then as it was."""
    return Upgraded(*upkeep.upgrade(home / FILE_NAME))


def check_database(home: Path) -> Checked:
    """Look at every row and every byte, and change nothing. Raises DatabaseUnusable."""
    path = home / FILE_NAME
    return Checked(upkeep.state(path), tuple(upkeep.faults(path)))


def back_up_database(home: Path, out: Path | None) -> Copied:
    """A whole, checked copy, while others go on working. Raises DatabaseUnusable, StorageFailed."""
    return Copied(home / FILE_NAME, upkeep.back_up(home / FILE_NAME, out))


def restore_database(home: Path, backup: Path) -> Copied:
    """Put a backup in the database's place, and keep what was there. Raises DatabaseUnusable, StorageFailed."""
    return Copied(home / FILE_NAME, upkeep.restore(home / FILE_NAME, backup))


def examine(home: Path, open_studio: Callable[[], Studio], depth: str, repair: bool) -> list[Finding]:
    """Everything in a home; where its database cannot be used, that, and which backup there is."""
    path = home / FILE_NAME
    lost = [finding for finding in database_findings(path, "quick") if not finding.whole] if path.exists() else []
    if lost:
        newest = upkeep.newest_backup(path)
        remedy = f"Put the newest backup in its place: studio db restore {newest}" if newest else lost[0].remedy
        return [replace(finding, remedy=remedy) for finding in lost]
    with open_studio() as studio:
        return studio.examine(depth, repair)
