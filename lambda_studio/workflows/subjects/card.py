"""Describe one concept without loading a model."""

from collections.abc import Iterator, Mapping, Sequence

from PIL import Image

from concepts.database import Database
from concepts.names import name_key
from concepts.records import AdapterRecord, ConceptRecord, ImageRecord
from concepts.registry import Registry
from lambda_studio.config import require
from lambda_studio.pictures.files.png import decode_png
from lambda_studio.pictures.masks.subject import is_doubtful
from lambda_studio.workflows.answers.concepts import BlendedPart, ConceptCard, ImageCard, KnownBy
from lambda_studio.workflows.cache.encoders import Encoder
from lambda_studio.workflows.cache.keys import subject_key
from lambda_studio.workflows.cache.left_out import given_view, is_left_out, notes, require_pictures
from lambda_studio.workflows.subjects.masks.sheet import MaskedPicture, draw_mask_sheet
from lambda_studio.workflows.subjects.photos.told import shown_warnings

ON_A_SHEET, LIBRARY_COLUMNS = 1000, 8
"""The most images on a library's sheet, and how many of them stand in a row."""


def concept_card(database: Database, library: str, name: str, encoders: Mapping[str, Encoder]) -> ConceptCard:
    """Return the concept, its images and masks, its cached embeddings by stack, and its adapters."""
    with database.reading() as registry:
        concept = registry.get_concept(library, name)
        masks = {image.mask_sha: registry.blob(image.mask_sha) for image in concept.images if image.mask_sha}
        adapters = registry.adapters(library)
        embeddings = {stack: count_cached(registry, concept, encoder) for stack, encoder in encoders.items()}
        parts = tuple(_parts(registry, concept))
    return ConceptCard(
        concept=concept,
        images=tuple(
            _image_card(image, masks, tuple(shown_warnings(concept, number)))
            for number, image in enumerate(concept.images, start=1)
        ),
        embeddings={stack: count for stack, count in embeddings.items() if count},
        adapters=tuple(known for adapter in adapters for known in _known_by(adapter, concept)),
        blend=parts,
    )


def _parts(registry: Registry, concept: ConceptRecord) -> Iterator[BlendedPart]:
    """Yield what a blend was made of, under the names of today."""
    for part in (part for note in notes(registry, concept.images).values() for part in note.blend):
        there = registry.find_version(concept.library, part.manifest, part.name)
        name, version = (there.name, there.version) if there else (part.name, None)
        yield BlendedPart(name, part.weight, part.manifest, version)


def mask_sheet(database: Database, concept: ConceptRecord) -> Image.Image:
    """Draw the concept's reference images with their masks as overlays, numbered as for `edit`."""
    require_pictures([concept], "a sheet of its masks")
    return draw_mask_sheet(_masked_pictures(database, concept), len(concept.images))


def library_sheet(database: Database, concepts: Sequence[ConceptRecord]) -> Image.Image:
    """Draw the reference images of several concepts with their masks. Concepts without pictures are left out.

    Raises InvalidSetting for more images than a sheet holds, or none.
    """
    drawn = [concept for concept in concepts if not any(map(is_left_out, concept.images))]
    count = sum(len(concept.images) for concept in drawn)
    require(count > 0, "There are no pictures to draw.", "Add a subject: studio add-concept NAME IMAGE... --noun NOUN")
    require(count <= ON_A_SHEET, f"A sheet holds {ON_A_SHEET} images, not {count}.", "Draw fewer concepts: limit=100.")
    pictures = (picture for concept in drawn for picture in _masked_pictures(database, concept, f"{concept.name} "))
    return draw_mask_sheet(pictures, count, LIBRARY_COLUMNS)


def _masked_pictures(database: Database, concept: ConceptRecord, before: str = "") -> Iterator[MaskedPicture]:
    """Yield a concept's images with their masks; `before` starts each label."""
    for number, image in enumerate(concept.images, start=1):
        with database.reading() as registry:
            data, mask = registry.blob(image.sha), image.mask_sha and registry.blob(image.mask_sha)
        said = f"subject: {_coverage(mask)}" if mask else "subject: all of it"
        said += " (doubtful)" if is_doubtful(image.warnings) else ""
        label = (f"{before}{number}. {image.source_name}", said)
        yield MaskedPicture(decode_png(data), decode_png(mask) if mask else None, label)


def count_cached(registry: Registry, concept: ConceptRecord, encoder: Encoder) -> int:
    """Return how many of the concept's images have an embedding of this encoder, cached or given."""
    given = notes(registry, concept.images)
    keys = [subject_key(image, encoder).text for image in concept.images if image.sha not in given]
    found = registry.features(keys)
    held = [image for image in concept.images if image.sha in given and given_view(given[image.sha], image, encoder)]
    return sum(key in found for key in keys) + len(held)


def _image_card(image: ImageRecord, masks: Mapping[str, bytes], warnings: tuple[str, ...]) -> ImageCard:
    said = "none: all of it" if image.mask_sha is None else _coverage(masks[image.mask_sha])
    said = "left out" if is_left_out(image) else said
    return ImageCard(
        image.source_name,
        image.width,
        image.height,
        said,
        warnings,
        image.sha,
        image.mask_sha,
        image.original_sha,
        is_left_out(image),
        is_doubtful(image.warnings),
        image.caption,
    )


def _coverage(mask: bytes) -> str:
    histogram = decode_png(mask).convert("L").histogram()
    share = sum(histogram[128:]) / sum(histogram)
    return f"{share:.1%} of it" if share < 0.01 else f"{share:.0%} of it"


def _known_by(adapter: AdapterRecord, concept: ConceptRecord) -> list[KnownBy]:
    return [
        KnownBy(adapter.id, adapter.method, adapter.stack, seen.version, seen.manifest != concept.manifest)
        for seen in adapter.concepts
        if seen.manifest == concept.manifest or (name_key(seen.name) == name_key(concept.name) and not seen.removed)
    ]
