"""What a registry is asked about training runs."""

from collections.abc import Callable, Collection, Sequence
from typing import Any

from concepts.models import Concept
from concepts.records import RunRecord
from concepts.rows.training import adapters, runs
from concepts.verbs.view import View


class RunVerbs(View):
    """The verbs of runs."""

    def start_run(
        self, library: str, kind: str, settings: dict[str, Any], versions: Sequence[int],
        taken: Callable[[int], bool] = lambda run_id: False,
    ) -> int:  # fmt: skip
        """Start a run on concept versions, given by `version_id`; return its id, the next one that is not `taken`."""
        return runs.start(self._session, self._library(library, "editor"), kind, settings, versions, taken)

    def continue_run(self, run_id: int, settings: dict[str, Any]) -> None:
        """Store the settings with which a run goes on."""
        self._run(run_id)[1].settings = settings
        self._session.flush()

    def finish_run(self, run_id: int, adapter_id: int | None = None) -> None:
        """Mark the run as finished, with its adapter."""
        library, run = self._run(run_id)
        adapter = None if adapter_id is None else adapters.get_row(self._session, library, adapter_id)
        runs.end(self._session, run, "finished", adapter=adapter)

    def fail_run(self, run_id: int, why: str) -> None:
        """Mark the run as failed."""
        runs.end(self._session, self._run(run_id)[1], "failed", why=why)

    def remove_run(self, run_id: int) -> RunRecord:
        """Remove a run. Raises RunNotFound, and RunFinished while the library has the adapter that it made."""
        library, run = self._run(run_id)
        removed = runs.record(self._session, library, run)
        runs.remove(self._session, run)
        return removed

    def find_run(self, run_id: int) -> RunRecord | None:
        """Return the run with that id, or None."""
        found = runs.find_row(self._session, self._user, run_id)
        return None if found is None else runs.record(self._session, *found)

    def runs(self, library: str) -> list[RunRecord]:
        """Return the library's runs, newest first."""
        return runs.records(self._session, self._library(library))

    def runs_of_concept(self, library: str, concept_id: int) -> dict[int, str]:
        """Return the status of each run on any version of this concept."""
        row = self._library(library)
        concept = self._session.get(Concept, concept_id)
        saw = runs.that_saw(self._session, row, concept) if concept else []
        return {run.id: run.status for run in saw}

    def run_statuses(self, run_ids: Collection[int]) -> dict[int, str]:
        """Return the status of each of these runs that exists in any library. A home's folders are compared with it."""
        return runs.statuses(self._session, run_ids)
