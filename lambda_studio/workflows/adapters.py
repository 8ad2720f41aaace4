"""`studio.adapters`: list, show and remove the results of fine-tuning."""

from lambda_studio.workflows.answers import AdapterCard, adapter_card
from lambda_studio.workflows.home import adapters_folder
from lambda_studio.workflows.workplace import Workplace


class Adapters:
    """The library's adapters."""

    def __init__(self, workplace: Workplace):
        self._place = workplace

    def get(self, adapter_id: int | str) -> AdapterCard:
        """Return the adapter with this number or with a hash that starts so. Raises AdapterNotFound."""
        library = self._place.library
        with self._place.database.reading() as registry:
            return adapter_card(registry.get_adapter(library, adapter_id), adapters_folder(self._place.home))

    def remove(self, adapter_id: int | str) -> None:
        """Delete an adapter's row, then its file unless another library uses it. Raises AdapterNotFound."""
        library = self._place.library
        removed = self._place.database.write(lambda registry: registry.remove_adapter(library, adapter_id))
        if removed.file_unused:
            (adapters_folder(self._place.home) / removed.adapter.file_name).unlink(missing_ok=True)

    def list(self) -> list[AdapterCard]:
        """Return the library's adapters, newest first."""
        library = self._place.library
        with self._place.database.reading() as registry:
            return [adapter_card(record, adapters_folder(self._place.home)) for record in registry.adapters(library)]
