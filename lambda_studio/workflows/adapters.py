"""`studio.adapters`: list, show and remove the results of fine-tuning, and exchange them with other libraries."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from concepts.records import AdapterRecord
from lambda_studio.config import FinetuneConfig
from lambda_studio.workflows.answers.adapters import (
    BF16_ROUNDS_AWAY,
    AdapterCard,
    AdapterRecipe,
    AdapterSource,
    ExportedAdapter,
    adapter_card,
    with_run,
)
from lambda_studio.workflows.home import adapters_folder
from lambda_studio.workflows.workplace import Workplace

if TYPE_CHECKING:
    from lambda_studio.workflows.evaluating.evaluation import AdapterEvaluation


class Adapters:
    """The library's adapters."""

    def __init__(self, workplace: Workplace):
        self._place = workplace

    def get(self, adapter_id: int | str) -> AdapterCard:
        """Return the adapter with this number, this name, or a hash that starts so. Raises AdapterNotFound."""
        library = self._place.library
        with self._place.database.reading() as registry:
            record = registry.get_adapter(library, adapter_id)
            run = None if record.run_id is None else registry.find_run(record.run_id)
            made_of = record.settings.get("made_of", ())
            numbers = registry.adapter_numbers(library, [each["sha256"] for each in made_of])
        sources = (AdapterSource(numbers.get(each["sha256"]), each["sha256"], each["scale"]) for each in made_of)
        card = replace(self._card(record), made_of=tuple(sources))
        return card if run is None else with_run(card, run)

    def measured(self, adapter_id: int | str) -> AdapterCard:
        """Return an adapter as `get`, with the size of its update, read from its file if it was never measured.

        The size is None if the adapter's file or the decoder is not on this machine, or if the stack is another one.
        Raises AdapterNotFound.
        """
        card = self.get(adapter_id)
        if card.update_size is not None or card.missing or card.stack != self._place.spec.name:
            return card
        from lambda_studio.workflows.base_weights import find_relative_size

        size = find_relative_size(self._place, card.path)
        return card if size is None else replace(card, update_size=size, vanishes=size < BF16_ROUNDS_AWAY)

    def evaluate(self, adapter_id: int | str, *, pictures: int = 4) -> "AdapterEvaluation":
        """Draw what an adapter knows, with it and without, and compare with the reference images.

        Args:
            pictures: of each concept alone. Groups of two and three, and prompts without a concept, are drawn too.

        Raises:
            AdapterNotFound, InvalidSetting, PicturesLeftOut, ModelFilesMissing, ModelFilesInvalid.
        """
        from lambda_studio.workflows.evaluating.adapter import AdapterEvaluator

        card, library = self.measured(adapter_id), self._place.library
        with self._place.database.reading() as registry:
            record = registry.get_adapter(library, adapter_id)
        return AdapterEvaluator(self._place, record, card).evaluate(pictures)

    def merge(self, adapters: Sequence[int | str], *, name: str | None = None) -> AdapterCard:
        """Make one adapter of two or more, each with a scale as in "5:0.5" or without.

        Its update is the sum of theirs: exact for LoRA and DoRA, whose ranks add up, and a full UNet if one of them is.
        It knows all concepts that they know. They stay.

        Args:
            name: a name for it in the library, which is also the file's title.

        Raises:
            AdapterNotFound, NameInvalid, AdapterExists, InvalidSetting, CheckpointFailed.
            ModelFilesMissing, ModelFilesInvalid.
        """
        from lambda_studio.workflows.deriving import Deriving

        return self._card(Deriving(self._place, name).merge(list(adapters)))

    def extract(self, adapter_id: int | str, *, rank: int = 16, name: str | None = None) -> AdapterCard:
        """Make the LoRA of a rank that is nearest to a full UNet, a DoRA, or a LoRA of a higher rank.

        `settings["kept"]` of the answer is the share of the update's norm that it has. Raises as `merge`.
        """
        from lambda_studio.workflows.deriving import Deriving

        return self._card(Deriving(self._place, name).extract(adapter_id, rank))

    def scale(self, adapter_id: int | str, factor: float, *, name: str | None = None) -> AdapterCard:
        """Make an adapter whose update is another's times a factor. It is of the same kind. Raises as `merge`."""
        from lambda_studio.workflows.deriving import Deriving

        return self._card(Deriving(self._place, name).scale(adapter_id, factor))

    def _card(self, record: AdapterRecord) -> AdapterCard:
        return adapter_card(record, adapters_folder(self._place.home))

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

    def rename(self, adapter_id: int | str, name: str) -> AdapterCard:
        """Give an adapter a name, by which commands take it too. The names of a library's adapters differ.

        Raises AdapterNotFound, NameInvalid, AdapterExists and NotPermitted.
        """
        library = self._place.library
        return self._card(self._place.database.write(lambda row: row.rename_adapter(library, adapter_id, name)))

    def remove(self, adapter_id: int | str) -> None:
        """Delete an adapter's row, then its file unless another library uses it. Raises AdapterNotFound."""
        library = self._place.library
        removed = self._place.database.write(lambda registry: registry.remove_adapter(library, adapter_id))
        if removed.file_unused:
            (adapters_folder(self._place.home) / removed.adapter.file_name).unlink(missing_ok=True)

    def import_(
        self, path: Path, *, knows: Sequence[str] = (), name: str | None = None, duplicate: bool = False
    ) -> AdapterCard:
        """Add a LoRA that peft or diffusers wrote, for the UNet of the stack in use.

        If an adapter of the library has the same weights and knows the concepts, it is returned, and none is added:
        `created` is False.

        Args:
            path: its folder, or its safetensors file.
            knows: the names of concepts that it was trained on. `generate` then chooses it for them.
            name: a name for it in the library.
            duplicate: add it also if the library has its weights.

        Raises:
            ModelFilesMissing, ModelFilesInvalid: there is no LoRA, or it does not fit this stack's UNet.
            ConceptNotFound, NameInvalid, AdapterExists, NotPermitted.
        """
        from lambda_studio.workflows.exchange import Wishes, import_lora

        wishes = Wishes(knows=knows, name=name, duplicate=duplicate)
        record, created = import_lora(self._place, path, wishes)
        return replace(self._card(record), created=created)

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
