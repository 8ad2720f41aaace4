"""Say which subjects are cut, or are too small, in the parts of their images that are learnt. No model is needed."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from concepts.records import ConceptRecord
from lambda_studio.config import FinetuneConfig
from lambda_studio.training.conditions import LEAST
from lambda_studio.workflows.answers.runs import Remark
from lambda_studio.workflows.cache.training_crops import Row, TrainingCrops
from lambda_studio.workflows.cache.training_set import STEPS
from lambda_studio.workflows.evaluating.holdout import hold_out
from lambda_studio.workflows.subjects.photos.told import ranges

CUT = 0.25
"""The share of a subject outside what is learnt, above which it is said."""
CLOSER = "Crop the photo around it."


def framing_remarks(
    crops: TrainingCrops, concepts: Sequence[ConceptRecord], config: FinetuneConfig
) -> Iterator[Remark]:
    """Iterate over remarks on subjects that are cut off, and on those that `conditions="scenes"` leaves out."""
    main = replace(config, variants=1, random_flip=False)
    shaped = replace(main, aspect_ratio_buckets=True)
    held = hold_out(concepts, config.holdout).held
    for concept in concepts:
        rows, wide = ([*crops.rows([concept], STEPS, each, 1)] for each in (main, shaped))
        learnt = [
            number
            for number, image in enumerate(concept.images, start=1)
            if image.mask_sha is not None and image not in held.get(concept.name, ())
        ]
        if cut := [number for number in learnt if _is_cut(crops, rows[number - 1])]:
            part = "shape" if config.aspect_ratio_buckets else "square"
            helped = not any(_is_cut(crops, wide[number - 1]) for number in cut)
            way = "--aspect-ratio-buckets learns images in their own shapes." if helped else CLOSER
            said = f"more than a quarter of the subject is outside of the {part} that is learnt"
            yield Remark(concept.name, f"{_images(cut)}: {said}. {way}")
        if config.conditions == "scenes" and (small := [n for n in learnt if _is_small(crops, rows[n - 1])]):
            said = f"the subject is less than {LEAST:.0%} of what is learnt, and is not learnt in other places"
            yield Remark(concept.name, f"{_images(small)}: {said}. {CLOSER}")


def _is_cut(crops: TrainingCrops, row: Row) -> bool:
    return _shown(crops, row) < 1 - CUT


def _shown(crops: TrainingCrops, row: Row) -> float:
    """Return the share of the subject that is in this part of its image."""
    extent = crops.extent(row.image)
    return extent.share_in(row.part) if extent else 0.0


def _is_small(crops: TrainingCrops, row: Row) -> bool:
    """Return whether the subject is less than `LEAST` of this part of its image."""
    extent = crops.extent(row.image)
    pixels = extent.pixels if extent else 0
    return _shown(crops, row) * pixels < LEAST * row.part.width * row.part.height


def _images(numbers: Sequence[int]) -> str:
    return f"{'image' if len(numbers) == 1 else 'images'} {', '.join(ranges(numbers))}"
