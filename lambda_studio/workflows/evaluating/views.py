"""The reference images of concepts, as metrics read them."""

from collections.abc import Sequence

from concepts.records import ConceptRecord, ImageRecord
from lambda_studio.evaluation.measures import View
from lambda_studio.pictures.files.png import decode_png
from lambda_studio.workflows.workplace import Workplace


def views_of(place: Workplace, concept: ConceptRecord, images: Sequence[ImageRecord]) -> list[View]:
    """Return these images of a concept. Raises ContentDamaged."""
    with place.database.reading() as registry:
        stored = [(registry.blob(image.sha), image.mask_sha and registry.blob(image.mask_sha)) for image in images]
    return [
        View(decode_png(data), concept.noun, decode_png(mask).convert("L") if mask else None) for data, mask in stored
    ]
