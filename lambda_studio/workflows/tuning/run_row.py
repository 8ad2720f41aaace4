"""A run in the registry: its row, how it ended, and the adapter that it made."""

from collections.abc import Collection, Sequence
from contextlib import suppress
from pathlib import Path

from torch import nn

from concepts.durable import make_folder
from concepts.errors import RunNotFound
from concepts.records import AdapterRecord, ConceptRecord
from concepts.registry import Registry
from lambda_studio.config import FinetuneConfig
from lambda_studio.models.adapters.adapter import save_adapter_by_hash
from lambda_studio.workflows.answers.adapters import AdapterCard, adapter_card
from lambda_studio.workflows.base_weights import with_size
from lambda_studio.workflows.home import adapters_folder, run_folder
from lambda_studio.workflows.run_files import delete_checkpoints, delete_previews
from lambda_studio.workflows.tuning.information import information
from lambda_studio.workflows.tuning.settings import settings_row
from lambda_studio.workflows.workplace import Workplace


class RunRow:
    """Writes what becomes of one run of a library."""

    def __init__(self, place: Workplace):
        self.place, self.notify = place, place.notify
        self.database, self.library, self.home = place.database, place.library, place.home
        self.stack, self.stack_source = place.stack, place.stack_source
        self._written: list[str] = []

    def fail(self, run_id: int, why: str) -> None:
        self.database.write(lambda registry: registry.fail_run(run_id, why))

    def discard(self, run_id: int, why: str) -> None:
        """Delete what a run has learnt of a concept that no longer exists."""
        delete_checkpoints(self.home, [run_id])
        delete_previews(self.home, [run_id])
        with self.database.reading() as registry:
            unnamed = registry.adapter_files_without_row(self._written)
        for sha in unnamed:
            (adapters_folder(self.home) / f"{sha}.safetensors").unlink(missing_ok=True)
        with suppress(RunNotFound):  # its library is gone too
            self.fail(run_id, why)

    def start(self, concepts: Sequence[ConceptRecord], config: FinetuneConfig) -> int:
        settings = settings_row(self.stack.spec.name, self.stack_source, config)
        versions = [concept.version_id for concept in concepts]

        strange: set[int] = set()

        def taken(run_id: int) -> bool:
            """Return whether the home has a folder of a run with this id, which this database does not know."""
            if found := run_folder(self.home, run_id).exists():
                strange.add(run_id)
            return found

        def start(registry: Registry) -> int:
            return registry.start_run(self.library, "finetune", settings, versions, taken)

        run_id = self.database.write(start)
        if strange:
            self.notify(orphaned(self.home, strange, run_id))
        return run_id

    def label(self, run_id: int) -> str:
        """Return a name that no other run has, also after a home was made anew."""
        with self.database.reading() as registry:
            run = registry.find_run(run_id)
        return f"run-{run_id}-{run.started_at:%Y%m%d-%H%M%S}" if run else f"run-{run_id}"

    def register(
        self, unet: nn.Module, run_id: int, concepts: Sequence[ConceptRecord], config: FinetuneConfig
    ) -> AdapterCard:
        """Write the adapter's file, then its row; then delete the checkpoints."""
        info = information(self.stack.spec.name, self.stack.fingerprints()["decoder"], concepts, config)
        make_folder(adapters_folder(self.home))
        sha = save_adapter_by_hash(unet, info, adapters_folder(self.home))
        self._written.append(sha)
        settings = with_size(self.place, sha, info.settings)
        name, versions = self.stack.spec.name, [concept.version_id for concept in concepts]
        with self.database.reading() as registry:
            same = [each.id for each in registry.adapters(self.library) if each.sha256 == sha]
        if same:
            self.notify(f"The weights are those of adapter {same[0]}, which is the newest one again.")

        def register(registry: Registry) -> AdapterRecord:
            file_name, method = f"{sha}.safetensors", config.method
            record = registry.add_adapter(self.library, sha, file_name, method, name, settings, versions, run_id)
            registry.finish_run(run_id, record.id)
            return record

        record = self.database.write(register)
        delete_checkpoints(self.home, [run_id])
        return adapter_card(record, adapters_folder(self.home))


def orphaned(home: Path, strange: Collection[int], run_id: int) -> str:
    """Return the notice for run folders that a new run did not take, and for its number."""
    folders = ", ".join(str(run_folder(home, each)) for each in sorted(strange))
    belong = "belongs" if len(strange) == 1 else "belong"
    return (
        f"{folders} {belong} to no run of this database: made before a restore, or by another database. "
        f"Nothing there is changed; this run has the number {run_id}. See: studio doctor"
    )
