"""What a user sees of a database, and may change."""

from sqlalchemy.orm import Session

from concepts.access import require_role
from concepts.models import Concept, Library, Run
from concepts.records import LibraryRecord
from concepts.rows import libraries, versions
from concepts.rows.training import runs


class View:
    """One user's view, inside one transaction. Rows are found by name, and the user's role is checked."""

    def __init__(self, session: Session, user: str):
        self._session = session
        self._user = user
        session.info["user"] = user  # library addresses in records are relative to this user

    def _library(self, name: str, least: str = "reader") -> Library:
        row = libraries.get_row(self._session, self._user, name)
        require_role(self._session, self._user, row, least)
        return row

    def _library_record(self, row: Library) -> LibraryRecord:
        return libraries.library_record(self._session, self._user, row)

    def _concept(self, library: str, name: str, least: str = "reader") -> tuple[Library, Concept]:
        row = self._library(library, least)
        return row, versions.get_row(self._session, row, name)

    def _run(self, run_id: int) -> tuple[Library, Run]:
        library, run = runs.get_row(self._session, self._user, run_id)
        require_role(self._session, self._user, library, "editor")
        return library, run
