"""What a registry is asked about adapters."""

from collections.abc import Collection, Sequence
from typing import Any

from concepts.records import AdapterRecord, RemovedAdapter
from concepts.rows.training import adapter_names, adapters
from concepts.verbs.view import View


class AdapterVerbs(View):
    """The verbs of adapters."""

    def adapter_files_without_row(self, shas: Collection[str]) -> set[str]:
        """Return which of these files, each given by its SHA-256, no adapter of any library has."""
        return adapters.without_row(self._session, shas)

    def add_adapter(
        self,
        library: str,
        sha256: str,
        file_name: str,
        method: str,
        stack: str,
        settings: dict[str, Any],
        versions: Sequence[int],
        run_id: int | None = None,
    ) -> AdapterRecord:
        """Register an adapter file that is already durable, trained on `versions`, each a `version_id`.

        The same bytes again become the newest adapter.
        """
        new = adapters.NewAdapter(sha256=sha256, file_name=file_name, method=method, stack=stack, settings=settings)
        row = self._library(library, "editor")
        adapter = adapters.add(self._session, row, new, versions)
        if run_id is not None:
            self._run(run_id)[1].adapter_id = adapter.id
            self._session.flush()
        return adapters.record(self._session, row, adapter)

    def derive_adapter(
        self, library: str, sha256: str, method: str, stack: str, settings: dict[str, Any], sources: Sequence[int]
    ) -> AdapterRecord:
        """Register the durable file SHA256.safetensors, made of other adapters, which knows all that they know."""
        file_name = f"{sha256}.safetensors"
        new = adapters.NewAdapter(sha256=sha256, file_name=file_name, method=method, stack=stack, settings=settings)
        row = self._library(library, "editor")
        found = [adapters.get_row(self._session, row, source) for source in sources]
        return adapters.record(self._session, row, adapters.derive(self._session, row, new, found))

    def adapters(self, library: str) -> list[AdapterRecord]:
        """Return the library's adapters, newest first, with the versions that they were trained on."""
        return adapters.records(self._session, self._library(library))

    def require_adapter_name(self, library: str, name: str) -> str:
        """Return a name for a new adapter, cleaned. Raises NameInvalid, and AdapterExists for a name that is taken."""
        cleaned = adapter_names.checked(name)
        adapter_names.require_free(self._session, self._library(library), cleaned)
        return cleaned

    def rename_adapter(self, library: str, adapter: int | str, name: str) -> AdapterRecord:
        """Give an adapter a name. Raises NameInvalid, and AdapterExists if another adapter of the library has it."""
        row = self._library(library, "editor")
        found = adapters.get_row(self._session, row, adapter)
        adapter_names.rename(self._session, row, found, name)
        return adapters.record(self._session, row, found)

    def adapter_numbers(self, library: str, shas: Collection[str]) -> dict[str, int]:
        """Return the library's adapter for each of these hashes of files that it has."""
        return adapters.numbers(self._session, self._library(library), shas)

    def get_adapter(self, library: str, adapter: int | str) -> AdapterRecord:
        """Return the adapter with that id, name or SHA-256 prefix."""
        row = self._library(library)
        return adapters.record(self._session, row, adapters.get_row(self._session, row, adapter))

    def remove_adapter(self, library: str, adapter: int | str) -> RemovedAdapter:
        """Remove an adapter. The caller may delete its file if `file_unused`."""
        row = self._library(library, "editor")
        found = adapters.get_row(self._session, row, adapter)
        removed = adapters.record(self._session, row, found)
        return RemovedAdapter(removed, adapters.remove(self._session, found))
