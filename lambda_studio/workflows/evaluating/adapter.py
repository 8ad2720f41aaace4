"""Evaluate an adapter: draw what it knows, with it and without, and compare with the reference images."""

import shlex
from collections.abc import Mapping, Sequence
from statistics import fmean

from torch import Tensor

from concepts.records import AdapterRecord, ConceptRecord
from lambda_studio.config import GenerateConfig, require
from lambda_studio.errors import ModelFilesInvalid, ModelFilesMissing
from lambda_studio.evaluation.collapse import collapse, thresholds
from lambda_studio.evaluation.copying import copies
from lambda_studio.evaluation.drift import drift
from lambda_studio.evaluation.judges import judges_of
from lambda_studio.evaluation.measures import Judges, Likeness
from lambda_studio.evaluation.results import Collapse, Copies, Matrix
from lambda_studio.evaluation.similarity import (
    bleeding,
    likeness,
    likeness_within,
    matrix_of_drawn,
    matrix_of_references,
)
from lambda_studio.workflows.answers.adapters import AdapterCard
from lambda_studio.workflows.cache.left_out import require_pictures
from lambda_studio.workflows.evaluating.asking import TOGETHER, Asked, alone, neutral, together
from lambda_studio.workflows.evaluating.drawn import Drawer, Drawn
from lambda_studio.workflows.evaluating.evaluation import AdapterEvaluation, ConceptEvaluation
from lambda_studio.workflows.evaluating.holdout import hold_out
from lambda_studio.workflows.evaluating.views import views_of
from lambda_studio.workflows.workplace import Workplace

DRAWN = GenerateConfig(num_inference_steps=20, batch_size=4)
"""Fewer denoising steps than `generate` takes: some hundred pictures are drawn."""
PICTURES = 4
"""Pictures of each concept alone."""
MOST_PICTURES = 100
IN_A_GROUP = 2
"""Pictures of each group of concepts."""
FIRST_SEED = 2000
"""Seeds that neither previews nor scores have."""
ALONE, NEUTRAL, OTHER_SEEDS = "alone", "neutral", "neutral, other seeds"


class AdapterEvaluator:
    """Evaluates one adapter of a library."""

    def __init__(self, place: Workplace, record: AdapterRecord, card: AdapterCard):
        """Raises ModelFilesInvalid for an adapter of another stack, and ModelFilesMissing."""
        self.place, self.record, self.card, self.notes = place, record, card, list[str]()
        if card.stack != place.spec.name:
            cause = f"Adapter {card.id} was trained for the stack {card.stack}, but this stack is {place.spec.name}."
            raise ModelFilesInvalid(cause, f"Give stack={card.stack}.")
        if card.missing:
            raise ModelFilesMissing(f"The file of adapter {card.id} is missing: {card.path}.", "Bring the file back.")

    def evaluate(self, pictures: int) -> AdapterEvaluation:
        """Draw so many pictures of each concept, with and without the adapter, and compare them.

        Raises InvalidSetting, PicturesLeftOut, and the errors of model loading.
        """
        require(1 <= pictures <= MOST_PICTURES, f"pictures is {pictures}.", f"Give 1 to {MOST_PICTURES}.", "pictures")
        concepts = self._concepts()
        judges = judges_of(self.place.stack, {concept.noun for concept in concepts})
        self.notes += judges.notes
        drawer = Drawer(self.place, self._asked(concepts, pictures), DRAWN.preferring(self.place.spec.generate))
        with self.place.progress("Drawing", total=2 * drawer.count) as advance:
            before = drawer.draw(None, advance)
            after = drawer.draw(self.card.path, advance)
        self.place.stack.free("decoder")
        return _Comparison(self.place, concepts, judges, before, after).evaluation(
            self.card, pictures, self._held(), tuple(self.notes)
        )

    def _held(self) -> int:
        return int(self.record.settings.get("holdout") or 0)

    def _concepts(self) -> list[ConceptRecord]:
        """Return the concepts that the adapter knows, as they are now. Removed and forgotten ones are left out."""
        there = [seen.name for seen in self.record.concepts if not seen.gone]
        gone = {
            word: ", ".join(seen.name for seen in self.record.concepts if seen.gone == word)
            for word in ("removed", "forgotten")
        }
        self.notes += [f"Left out, because they were {word}: {names}." for word, names in gone.items() if names]
        if stale := ", ".join(seen.name for seen in self.record.concepts if seen.stale):
            self.notes.append(f"Edited since the training, and compared with their present images: {stale}.")
        cause = f"Adapter {self.card.id} knows no concept of this library."
        told = " ".join(f"{word.capitalize()} were: {names}." for word, names in gone.items() if names)
        removed = next((seen.name for seen in self.record.concepts if seen.gone == "removed"), None)
        restore = "See the others: studio adapters"
        if removed:
            restore = f"Restore {removed}: studio concepts restore {shlex.quote(removed)}"
        require(bool(there or told), cause, "Say what it knows, when you import it: --knows NAME")
        require(bool(there), f"{cause} {told}", restore)
        concepts = self.place.get_concepts(there)
        require_pictures(concepts, "an evaluation")
        return concepts

    def _asked(self, concepts: Sequence[ConceptRecord], pictures: int) -> dict[str, list[Asked]]:
        groups = {
            str(size): together(self.place, concepts, size, IN_A_GROUP, FIRST_SEED + 1000 * size) for size in TOGETHER
        }
        asked = {ALONE: alone(self.place, concepts, pictures, FIRST_SEED), **groups}
        others = neutral(self.place, FIRST_SEED + 100)
        return {**asked, NEUTRAL: neutral(self.place, FIRST_SEED), OTHER_SEEDS: others}


class _Comparison:
    """Drawn pictures beside reference images."""

    def __init__(
        self,
        place: Workplace,
        concepts: Sequence[ConceptRecord],
        judges: Judges,
        before: Mapping[str, Drawn],
        after: Mapping[str, Drawn],
    ):
        self.place, self.concepts, self.judges, self.before, self.after = place, concepts, judges, before, after
        self.references = {each.name: self._references(each) for each in judges.likenesses}

    def evaluation(self, card: AdapterCard, pictures: int, held: int, notes: tuple[str, ...]) -> AdapterEvaluation:
        """Return the evaluation of the adapter with this card."""
        references, judges = self.references[self.judges.likeness.name], self.judges
        real = matrix_of_references(references)
        drawn, base = (self._matrix(each) for each in (self.after, self.before))
        whole = {name: self.after[name].whole(judges.picture) for name in (NEUTRAL,)}
        base_whole = {name: self.before[name].whole(judges.picture) for name in (NEUTRAL, OTHER_SEEDS)}
        return AdapterEvaluation(
            adapter=card.id,
            stack=card.stack,
            pictures=pictures,
            metrics={"likeness": judges.likeness.name, "composition": judges.composition.name},
            concepts=tuple(self._each(held)),
            drawn=drawn,
            real=real,
            bleeding=bleeding(drawn, real),
            bleeding_before=bleeding(base, real),
            collapse=self._collapse(self.after),
            collapse_before=self._collapse(self.before),
            drift=drift(base_whole[NEUTRAL], base_whole[OTHER_SEEDS], whole[NEUTRAL]),
            update_size=card.update_size,
            vanishes=card.vanishes,
            notes=notes,
        )

    def _references(self, metric: Likeness) -> dict[str, Tensor]:
        return {each.name: metric.embed(views_of(self.place, each, each.images)) for each in self.concepts}

    def _matrix(self, drawn: Mapping[str, Drawn]) -> Matrix:
        metric = self.judges.likeness
        return matrix_of_drawn(drawn[ALONE].by_concept(metric), self.references[metric.name])

    def _collapse(self, drawn: Mapping[str, Drawn]) -> tuple[Collapse, ...]:
        metric = self.judges.likeness
        references = self.references[metric.name]
        least = thresholds(references)
        sizes = [str(size) for size in TOGETHER if str(size) in drawn]
        return tuple(collapse(drawn[size].embeds(metric), references, least) for size in sizes)

    def _each(self, held: int) -> "list[ConceptEvaluation]":
        after, before = (self._likenesses(each) for each in (self.after, self.before))
        composed, composed_before = (self._compositions(each) for each in (self.after, self.before))
        copied, copied_before = (self._copies(each, held) for each in (self.after, self.before))
        return [
            ConceptEvaluation(
                name=each.name,
                likeness=after[each.name],
                likeness_before=before[each.name],
                real={metric: likeness_within(found[each.name]) for metric, found in self.references.items()},
                composition=composed[each.name],
                composition_before=composed_before[each.name],
                copies=copied[each.name],
                copies_before=copied_before[each.name],
            )
            for each in self.concepts
        ]

    def _copies(self, drawn: Mapping[str, Drawn], held: int) -> dict[str, Copies]:
        metric = self.judges.picture
        whole = drawn[ALONE].by_concept(metric)
        trained = {each.name: metric.embed(views_of(self.place, each, each.images)) for each in self._trained(held)}
        return {name: copies(embeds, trained[name]) for name, embeds in whole.items()}

    def _trained(self, held: int) -> Sequence[ConceptRecord]:
        """Return the concepts with the images that were trained on, as far as it can be said of their present ones."""
        enough = held and any(len(each.images) > held + 1 for each in self.concepts)
        return hold_out(self.concepts, held).training if enough else self.concepts

    def _likenesses(self, drawn: Mapping[str, Drawn]) -> dict[str, dict[str, float]]:
        found: dict[str, dict[str, float]] = {each.name: {} for each in self.concepts}
        for metric in self.judges.likenesses:
            references = self.references[metric.name]
            for name, embeds in drawn[ALONE].by_concept(metric).items():
                found[name][metric.name] = likeness(embeds, references[name])
        return found

    def _compositions(self, drawn: Mapping[str, Drawn]) -> dict[str, float]:
        pictures = drawn[ALONE]
        texts = [each.prompt.text for each in pictures.asked]
        scores = self.judges.composition.score(pictures.images, texts).tolist()
        rows: dict[str, list[float]] = {}
        for each, score in zip(pictures.asked, scores, strict=True):
            rows.setdefault(each.names[0], []).append(score)
        return {name: fmean(each) for name, each in rows.items()}
