"""One fine-tuning run: train, write a durable adapter file, then register it."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import torch

from concepts.errors import ConceptError, ConceptNotFound, ContentDamaged, LibraryNotFound, RunNotFound
from concepts.records import ConceptRecord, RunRecord
from lambda_studio.config import FinetuneConfig
from lambda_studio.errors import CheckpointFailed, ResumeRefused, StudioError
from lambda_studio.models.decoders.protocol import Decoder
from lambda_studio.models.pool import TRAINING
from lambda_studio.training.checkpoints.resume import holds_a_run
from lambda_studio.training.conditions import with_predictions
from lambda_studio.training.examples import Example
from lambda_studio.training.facing import pictures_to_mirror
from lambda_studio.training.finetuning import finetune
from lambda_studio.training.hooks import Hooks, StepReport
from lambda_studio.training.objectives.objectives import DecoderObjective
from lambda_studio.training.trainer import TrainResult
from lambda_studio.workflows.answers.adapters import AdapterCard
from lambda_studio.workflows.answers.runs import Finetuned, Remark
from lambda_studio.workflows.cache.training_set import ExampleTable
from lambda_studio.workflows.evaluating.adapter import PICTURES, AdapterEvaluator
from lambda_studio.workflows.evaluating.evaluation import AdapterEvaluation
from lambda_studio.workflows.evaluating.holdout import Holdout, hold_out
from lambda_studio.workflows.home import run_folder
from lambda_studio.workflows.run_files import holding, saved_step
from lambda_studio.workflows.tuning.company import Company
from lambda_studio.workflows.tuning.planning.planning import planned, weights_dtype
from lambda_studio.workflows.tuning.planning.preflight import buckets, checked
from lambda_studio.workflows.tuning.planning.requirements import require_trainable, start_file
from lambda_studio.workflows.tuning.predictions import Predictor
from lambda_studio.workflows.tuning.reports.report import RunReport, write_report
from lambda_studio.workflows.tuning.resuming import require_unfinished
from lambda_studio.workflows.tuning.run_row import RunRow
from lambda_studio.workflows.tuning.settings import ended_early, settings_row
from lambda_studio.workflows.tuning.watching.pace import Pace
from lambda_studio.workflows.tuning.watching.previews import sheet_of
from lambda_studio.workflows.tuning.watching.trackers import tensorboard_of, tracking
from lambda_studio.workflows.tuning.watching.watching import Watch, preview_every
from lambda_studio.workflows.workplace import Workplace

BUSY = "Wait for its end, or start another run without resume=True."


class Tuner:
    """Fine-tunes one stack's decoder on concepts of one library, and registers the adapter."""

    def __init__(self, place: Workplace, evaluate: bool = False):
        """`evaluate`: measure the adapter at the end."""
        self.place, self.evaluate = place, evaluate
        self.database, self.library, self.home = place.database, place.library, place.home
        self.stack, self.stack_source, self.embedder = place.stack, place.stack_source, place.embedder
        self.notify, self.progress = place.notify, place.progress
        self.dtype: torch.dtype | None = None
        self.start: Path | None = None
        self.remarks: tuple[Remark, ...] = ()
        self.held_back: dict[str, list[str]] = {}
        self.row = RunRow(place)

    @cached_property
    def decoder(self) -> Decoder:
        """The decoder to train. It is not the stack's, because another thread may draw with the stack's decoder."""
        return self.stack.own_decoder(("unet",), self.dtype)

    def tune(
        self,
        concepts: Sequence[ConceptRecord],
        config: FinetuneConfig,
        run: RunRecord | None,
        should_stop: Callable[[], bool],
    ) -> Finetuned:
        """Train, or resume `run`, and register the adapter unless `should_stop` ended the training.

        Raises as `require_trainable`, before anything is loaded.
        """
        require_trainable(self.place, concepts, config)
        self.dtype, self.start = weights_dtype(config), start_file(self.place, config)
        self.predictor = Predictor(self.stack, self.embedder, config.seed, self.notify)
        self.table = ExampleTable(self.database, self.stack, self.progress, should_stop)
        holdout = hold_out(concepts, config.holdout)
        self.held_back = {name: [image.source_name for image in images] for name, images in holdout.held.items()}
        if run:
            with holding(self.home, [run.id], BUSY):
                config = planned(self.stack, config, self.notify, resumes=True)
                self.predictor.read(run_folder(self.home, run.id))
                return self._tune(run.id, concepts, self._examples(holdout, config), config, should_stop)
        too_few = (Remark(name, said) for name, said in holdout.too_few.items())
        self.remarks = (*checked(self.place, concepts, config), *too_few)
        for remark in self.remarks:
            self.notify(str(remark))
        for name, files in self.held_back.items():
            self.notify(f"{name}: not trained on, for the scores: {', '.join(files)}")
        config = planned(self.stack, config, self.notify)
        if config.holdout:  # a resumed run is scored at the same steps, also if it has more of them
            config = replace(config, preview_every=preview_every(config))
        examples = self._examples(holdout, config)
        run_id = self.row.start(concepts, config)
        with holding(self.home, [run_id], BUSY):
            return self._tune(run_id, concepts, examples, config, should_stop)

    def _examples(self, holdout: Holdout, config: FinetuneConfig) -> Sequence[Example]:
        """Return what is trained on, and prepare the watch. Afterwards neither CLIP nor the prior is in memory.

        The images are encoded first, and the text encoder is loaded once for all that the prior predicts.
        """
        resolution, concepts = config.resolution or self.stack.resolution, holdout.training
        self.stack.require_resolution(resolution)
        self.watch = Watch(self.place, config)
        with self._forgotten_told(concepts):
            if shapes := buckets(self.table, concepts, resolution, config):
                self.notify(f"Shapes that images are learnt in: {', '.join(map(str, shapes))}.")
            self.embedder.zero()
            self.embedder.subjects(concepts)
            examples = self.table.examples(concepts, resolution, config)
            self.watch.prepare(holdout)
        scenes, predicts = config.conditions == "scenes", config.conditions != "paper"
        to_mirror = pictures_to_mirror(examples) if predicts else frozenset()
        if predicts or config.keep_dressed:
            predicted, own = self.predictor.predictions(concepts) if predicts else {}, config.conditions != "prior"
            in_places = self.predictor.in_places(concepts) if scenes else None
            unchanged = self.predictor.dressed(concepts, config.keep_dressed) if config.keep_dressed else None
            examples = with_predictions(examples, predicted, own, in_places, unchanged, to_mirror)
        if scenes:
            with self._forgotten_told(concepts):
                examples += Company(self.database, self.predictor, to_mirror).examples(concepts, resolution)
            self.stack.free("decoder")
        self.stack.free("clip")
        self.stack.free("prior")
        return examples

    @contextmanager
    def _forgotten_told(self, concepts: Sequence[ConceptRecord]) -> Iterator[None]:
        """Raise ConceptNotFound in place of ContentDamaged if a concept was forgotten in the meantime."""
        try:
            yield
        except ContentDamaged:
            with self.database.reading() as registry:
                for concept in concepts:
                    registry.get_concept(self.library, concept.name)
            raise

    def _tune(
        self, run_id: int, concepts: Sequence[ConceptRecord], examples: Sequence[Example], config: FinetuneConfig,
        should_stop: Callable[[], bool],
    ) -> Finetuned:  # fmt: skip
        """Train a run that this process holds."""
        require_unfinished(self.database, run_id)
        try:
            self.predictor.write(run_folder(self.home, run_id))
            result = self._train(run_id, examples, config, should_stop)
            early = {} if result.stopped else ended_early(result.steps, config.steps, result.kept)
            # a resumed run may have more steps
            settings = settings_row(self.stack.spec.name, self.stack_source, config, early)
            self.database.write(lambda registry: registry.continue_run(run_id, settings))
            adapter = None if result.stopped else self.row.register(self.decoder.unet, run_id, concepts, config)
        except (ConceptNotFound, LibraryNotFound, RunNotFound) as error:  # forgotten on a machine with another home
            self.row.discard(run_id, str(error))
            raise
        except (CheckpointFailed, ConceptError, OSError, ResumeRefused):
            raise  # a disk error or another process's lock: the run is intact and can be resumed
        except Exception as error:  # any other error fails the run: record it, then re-raise
            self.row.fail(run_id, str(error))
            raise
        finally:
            self.__dict__.pop("decoder", None)  # its weights are trained; only the adapter may apply them
            self.stack.free("decoder")
        names, folder = tuple(concept.name for concept in concepts), run_folder(self.home, run_id)
        previews = sheet_of(folder) if sheet_of(folder).exists() else None
        name, plot, made = self.stack.spec.name, folder / "loss.png", adapter.id if adapter else None
        evaluation = self._evaluated(adapter) if adapter and self.evaluate else None
        board, curves = self.watch.board, tensorboard_of(folder)
        scores = tuple(board.lines()) if board else ()
        report = RunReport(
            run_id, name, concepts, config, result.losses, made, self.remarks, scores, result.kept, self.held_back,
            evaluation, self.place.spec.finetune,
        )  # fmt: skip
        page = self._write_report(report, previews)
        return Finetuned(
            run_id, result.steps, name, names, adapter, result.loss_log, plot, previews, page,
            config.steps, result.kept, scores, curves if curves.exists() else None, evaluation,
            self.remarks,
        )  # fmt: skip

    def _write_report(self, report: RunReport, sheet: Path | None) -> Path | None:
        """Write the report of a run that has ended, and return its path. The run does not fail with it."""
        try:
            return write_report(report, run_folder(self.home, report.run_id), sheet)
        except OSError as error:
            self.notify(f"The report was not written: {error}")
            return None

    def _evaluated(self, adapter: AdapterCard) -> AdapterEvaluation | None:
        """Evaluate the adapter that was made. The run does not fail with it."""
        with self.database.reading() as registry:
            record = registry.get_adapter(self.library, adapter.id)
        try:
            return AdapterEvaluator(self.place, record, adapter).evaluate(PICTURES)
        except (ConceptError, StudioError, torch.OutOfMemoryError) as error:
            self.notify(f"The adapter was not evaluated: {error}")
            return None

    def _train(
        self, run_id: int, examples: Sequence[Example], config: FinetuneConfig, should_stop: Callable[[], bool]
    ) -> TrainResult:
        folder, done, pace = run_folder(self.home, run_id), 0, Pace()
        with (
            self.progress(f"Fine-tuning ({config.method})", total=config.steps) as advance,
            tracking(config, folder, saved_step(self.home, run_id) or 0, self.row.label(run_id), self.notify) as track,
        ):

            def on_step(report: StepReport) -> None:
                nonlocal done
                advance(report.step - done, note=f"loss {report.loss:.4f}{pace.said()}{self.watch.said()}")
                done = report.step
                track.log(report)

            look, watch = self.watch.looker(self.decoder, self.dtype, folder), self.watch
            hooks = Hooks(
                on_step=on_step, should_stop=should_stop, on_preview=look, preview_every=watch.every, board=watch.board
            )
            with TRAINING:
                objective = DecoderObjective(self.decoder, examples, config, start=self.start, board=watch.board)
                return finetune(objective, folder, holds_a_run(folder), hooks)
