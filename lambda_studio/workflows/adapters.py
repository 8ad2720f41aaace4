"""`studio.adapters`: list, show and remove the results of fine-tuning, and exchange them with other libraries."""

from collections.abc import Sequence
from pathlib import Path

from lambda_studio.config import FinetuneConfig
from lambda_studio.workflows.answers import AdapterCard, AdapterRecipe, ExportedAdapter, adapter_card
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

    def recipe(
        self, adapter_id: int | str, *, without: Sequence[str] = (), config: FinetuneConfig | None = None
    ) -> AdapterRecipe:
        """Return what `finetune` has to be given to make an adapter again, without some of the concepts that it knows.

        Args:
            without: names of concepts to leave out. They may have been removed or forgotten.
            config: settings that replace the adapter's.

        Raises:
            AdapterNotFound, ModelFilesInvalid, ConceptNotFound, InvalidSetting.
        """
        from lambda_studio.workflows.tuning.starting import again

        start = again(self._place, adapter_id, without, config or FinetuneConfig())
        return AdapterRecipe(tuple(concept.name for concept in start.concepts), start.config)

    def remove(self, adapter_id: int | str) -> None:
        """Delete an adapter's row, then its file unless another library uses it. Raises AdapterNotFound."""
        library = self._place.library
        removed = self._place.database.write(lambda registry: registry.remove_adapter(library, adapter_id))
        if removed.file_unused:
            (adapters_folder(self._place.home) / removed.adapter.file_name).unlink(missing_ok=True)

    def import_(self, path: Path, *, knows: Sequence[str] = ()) -> AdapterCard:
        """Add a LoRA that peft or diffusers wrote, for the UNet of the stack in use.

        Args:
            path: its folder, or its safetensors file.
            knows: the names of concepts that it was trained on. `generate` then chooses it for them.

        Raises:
            ModelFilesMissing, ModelFilesInvalid: there is no LoRA, or it does not fit this stack's UNet.
            ConceptNotFound, NotPermitted.
        """
        from lambda_studio.workflows.exchange import import_lora

        return adapter_card(import_lora(self._place, path, knows), adapters_folder(self._place.home))

    def export(self, adapter_id: int | str, folder: Path, *, layout: str = "diffusers") -> ExportedAdapter:
        """Write an adapter into a new folder that another library loads by its path.

        Names of concepts and settings are left out. Give the stack that the adapter was trained for.

        Args:
            layout: "diffusers", or "peft" for a LoRA.

        Raises:
            AdapterNotFound, OutputExists, ModelFilesMissing, ModelFilesInvalid.
            InvalidSetting: a full UNet has no form for peft.
        """
        from lambda_studio.workflows.exchange import export_adapter

        library = self._place.library
        with self._place.database.reading() as registry:
            adapter = registry.get_adapter(library, adapter_id)
        return export_adapter(self._place, adapter, folder, layout)

    def list(self) -> list[AdapterCard]:
        """Return the library's adapters, newest first."""
        library = self._place.library
        with self._place.database.reading() as registry:
            return [adapter_card(record, adapters_folder(self._place.home)) for record in registry.adapters(library)]
