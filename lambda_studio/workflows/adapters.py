"""`studio.adapters`: what fine-tuning made is listed, looked at and removed."""

from lambda_studio.workflows.answers import AdapterCard, adapter_card
from lambda_studio.workflows.home import adapters_folder
from lambda_studio.workflows.workplace import Workplace


class Adapters:
    """The library's adapters: what fine-tuning made."""

    def __init__(self, workplace: Workplace):
        self._place = workplace

    def get(self, adapter_id: int | str) -> AdapterCard:
        """Return the adapter of that number, or whose hash begins so. Raises AdapterNotFound."""
        library = self._place.library
        with self._place.database.reading() as registry:
            return adapter_card(registry.get_adapter(library, adapter_id), adapters_folder(self._place.home))

    def remove(self, adapter_id: int | str) -> None:
        """Remove an adapter: the row first, then the file where no other library has it. Raises AdapterNotFound."""
        library = self._place.library
        removed = self._place.database.write(lambda registry: registry.remove_adapter(library, adapter_id))
        if removed.file_unused:
            (adapters_folder(self._place.home) / removed.adapter.file_name).unlink(missing_ok=True)

    def list(self) -> list[AdapterCard]:
        """Return the library's adapters, newest first."""
        library = self._place.library
        with self._place.database.reading() as registry:
            return [adapter_card(record, adapters_folder(self._place.home)) for record in registry.adapters(library)]
