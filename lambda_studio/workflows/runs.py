"""`studio.runs`: list, show and drop training runs."""

from dataclasses import replace

from concepts.errors import RunNotFound
from concepts.records import RunRecord
from lambda_studio.config import FinetuneConfig
from lambda_studio.workflows.answers.runs import RunCard
from lambda_studio.workflows.home import run_folder
from lambda_studio.workflows.run_files import (
    delete_run,
    holding,
    is_held,
    read_scores,
    require_deleted,
    saved_step,
    size_of,
)
from lambda_studio.workflows.tuning.settings import unusual
from lambda_studio.workflows.tuning.unfinished import needs_stack, newer_unfinished
from lambda_studio.workflows.workplace import Workplace


class Runs:
    """The library's training runs."""

    def __init__(self, workplace: Workplace):
        self._place = workplace

    def list(self) -> list[RunCard]:
        """Return the library's runs, newest first."""
        library = self._place.library
        with self._place.database.reading() as registry:
            records = registry.runs(library)
        return [self._card(record) for record in records]

    def get(self, run_id: int) -> RunCard:
        """Return the run with this number. Raises RunNotFound."""
        with self._place.database.reading() as registry:
            record = registry.find_run(run_id)
            is_open = record is not None and record.status == "running"
            runs = registry.runs(record.library) if record and is_open else []
        if record is None:
            raise RunNotFound(f"No run has the number {run_id}.", "See the runs of the library: studio runs")
        needs = {"library": record.library} if is_open and record.library != self._place.library else {}
        of_another = self._place.named_stack() and self._place.spec.name != record.settings.get("stack")
        if needs_stack(record, runs) or (is_open and of_another):
            needs["stack"] = record.settings.get("stack_source", record.settings.get("stack", ""))
        scores = read_scores(run_folder(self._place.home, run_id))
        return replace(self._card(record), scores=scores, newer=newer_unfinished(record, runs), needs=needs)

    def drop(self, run_id: int) -> None:
        """Delete a run and its files, unless an adapter of it is there.

        Raises RunNotFound, RunFinished, RunInUse and FilesLeft.
        """
        home = self._place.home
        with holding(home, [run_id], "Stop it first with Ctrl-C, then drop it."):
            self._place.database.write(lambda registry: registry.remove_run(run_id))
            require_deleted(delete_run(home, run_id), f"Run {run_id} is dropped")

    def _card(self, record: RunRecord) -> RunCard:
        home, config = self._place.home, record.settings.get("config", {})
        folder, state = run_folder(home, record.id), record.status
        stack = record.settings.get("stack", "")
        preferences = self._place.spec.finetune if self._place.spec.name == stack else {}
        if state == "running" and not is_held(home, record.id):
            state = "unfinished"
        return RunCard(
            id=record.id,
            kind=record.kind,
            state=state,
            stack=stack,
            knows={seen.name: seen.version for seen in record.concepts},
            saved_step=saved_step(home, record.id),
            steps=config.get("steps", FinetuneConfig().steps),
            why=record.why,
            adapter=record.adapter_id,
            started_at=record.started_at,
            ended_at=record.ended_at,
            settings={**config, **unusual(config, preferences)},
            folder=folder,
            bytes=size_of(folder),
            ended_step=record.settings.get("ended", {}).get("steps"),
            kept=record.settings.get("ended", {}).get("kept"),
            removed=tuple(seen.name for seen in record.concepts if seen.gone == "removed"),
            forgotten=tuple(seen.name for seen in record.concepts if seen.forgotten),
        )
