"""Say which subjects are cut, or are too small, in the parts of their images that are learnt."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from concepts.records import ConceptRecord
from lambda_studio.config import FinetuneConfig
from lambda_studio.training.conditions import LEAST
from lambda_studio.workflows.answers.runs import Remark
from lambda_studio.workflows.cache.training_crops import Row
from lambda_studio.workflows.cache.training_set import ExampleTable
from lambda_studio.workflows.subjects.photos.told import ranges

CUT = 0.25
"""The share of a subject outside what is learnt, above which it is said."""


def framing_remarks(
    table: ExampleTable, concepts: Sequence[ConceptRecord], resolution: int, config: FinetuneConfig
) -> Iterator[Remark]:
    """Iterate over remarks on subjects that are cut off, and on those that `conditions="scenes"` leaves out."""
    main = replace(config, variants=1, random_flip=False)
    for concept in concepts:
        rows = enumerate(table.rows([concept], resolution, main), start=1)
        learnt = {number: row for number, row in rows if row.image.mask_sha is not None}
        if cut := [number for number, row in learnt.items() if _shown(table, row) < 1 - CUT]:
            part = "shape" if config.aspect_ratio_buckets else "square"
            way = "" if config.aspect_ratio_buckets else " --aspect-ratio-buckets learns images in their own shapes."
            said = f"more than a quarter of the subject is outside of the {part} that is learnt"
            yield Remark(concept.name, f"{_images(cut)}: {said}.{way}")
        if config.conditions == "scenes" and (small := [n for n, row in learnt.items() if _is_small(table, row)]):
            said = f"the subject is less than {LEAST:.0%} of what is learnt, and is not learnt in other places"
            way = "Crop the photo around it."
            yield Remark(concept.name, f"{_images(small)}: {said}. {way}")


def _shown(table: ExampleTable, row: Row) -> float:
    """Return the share of the subject that is in this part of its image."""
    extent = table.crops.extent(row.image)
    return extent.share_in(row.part) if extent else 0.0


def _is_small(table: ExampleTable, row: Row) -> bool:
    """Return whether the subject is less than `LEAST` of this part of its image."""
    extent = table.crops.extent(row.image)
    pixels = extent.pixels if extent else 0
    return _shown(table, row) * pixels < LEAST * row.part.width * row.part.height


def _images(numbers: Sequence[int]) -> str:
    return f"{'image' if len(numbers) == 1 else 'images'} {', '.join(ranges(numbers))}"
