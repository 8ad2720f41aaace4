"""Write a concept's next version from the images of an earlier one and from files, and cache its embeddings."""

import shlex
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from concepts.database import Database
from concepts.errors import ImagesMissing
from concepts.records import AddResult, ConceptRecord, ImageRecord, NewImage
from concepts.registry import Registry
from lambda_studio.bundles.layouts.one_subject import one_subject
from lambda_studio.config import require
from lambda_studio.errors import ModelFilesInvalid, ModelFilesMissing
from lambda_studio.models.stacks.presence import missing_part
from lambda_studio.pictures.files.captions import caption_fault, one_line
from lambda_studio.pictures.files.opening import Photo
from lambda_studio.pictures.files.png import decode_png, encode_png
from lambda_studio.pictures.masks.subject import is_doubtful, without_mask_warnings
from lambda_studio.pictures.near_duplicates import ALMOST, NearDuplicates, other_in
from lambda_studio.workflows.answers.concepts import Added
from lambda_studio.workflows.cache.left_out import is_left_out, require_pictures
from lambda_studio.workflows.subjects.card import count_cached
from lambda_studio.workflows.subjects.changes import Changes
from lambda_studio.workflows.subjects.masks.marking import Marking
from lambda_studio.workflows.subjects.masks.segmenting import Finder
from lambda_studio.workflows.subjects.numbering import Numbering
from lambda_studio.workflows.subjects.photos.photos import Reading, read_images
from lambda_studio.workflows.subjects.photos.shared_pictures import Shared, shared_pictures
from lambda_studio.workflows.subjects.photos.spool import Spool, SpooledImages
from lambda_studio.workflows.subjects.photos.told import numbered, told_warnings
from lambda_studio.workflows.workplace import Workplace


def stored_images(database: Database, concept: ConceptRecord) -> Iterator[NewImage]:
    """Yield the concept's stored images with their bytes, ready for another version."""
    for image in concept.images:
        with database.reading() as registry:
            stored = _stored_image(registry, image)
        yield stored


def _stored_image(registry: Registry, image: ImageRecord) -> NewImage:
    data = registry.blob(image.sha)
    mask = registry.blob(image.mask_sha) if image.mask_sha else None
    original = registry.blob(image.original_sha) if image.original_sha else None
    size = image.width, image.height
    return NewImage(data, mask, *size, image.source_name, image.warnings, original, image.caption)


def changed_images(
    place: Workplace, concept: ConceptRecord, changes: Changes, find: Finder, marking: Marking, spool: Spool
) -> tuple[SpooledImages, tuple[str, ...]]:
    """Return the concept's images with the changes (dropped, masked and captioned anew, added ones last), and notes.

    The change is idempotent: a photo that the concept already has is not added twice, which a note says. Only its
    missing original is added. Images are numbered from 1.

    Raises:
        ImagesMissing: no image would be left.
        InvalidSetting, ImageRefused, MaskRefused: as named.
    """
    known = range(1, len(concept.images) + 1)
    changes = _numbered(concept, changes)
    for told, what in ((changes.masks, "mask"), (changes.captions, "caption")):
        if told:
            require_pictures([concept], f"another {what}")
        both = sorted({*changes.drop} & {*told})
        require(not both, f"Image {both and both[0]} would be dropped and given a {what}.", "Do only one of the two.")
    captions = _captions(concept, changes)
    if not changes.add and {*known} <= {*changes.drop}:
        quoted = shlex.quote(concept.name)
        can_add = not any(map(is_left_out, concept.images))  # a blend has no pictures
        hidden = f"ide it: studio concepts remove {quoted}"
        remedy = f"Add another with add=IMAGE, or h{hidden}" if can_add else f"H{hidden}"
        remedy += f". To delete it for good: studio concepts forget {quoted}"
        raise ImagesMissing(f"{concept.name} would have no image left.", remedy)
    kept = spool.keep(_kept_images(place, concept, changes, marking))
    if not changes.add:
        return kept.captioned(captions), ()
    given = one_subject(changes.add)
    files, masks = zip(*given.pairs, strict=True)
    twice: list[str] = []
    reading = Reading(place.door, place.progress, twice.append, refused=given.refused)
    read = read_images(reading, files, masks, find, changes.keep_original)
    new = spool.keep(_with_near(kept, read))
    again = () if changes.keep_original else tuple(_said_again(concept.name, kept, new))
    return kept.joined(new).captioned(captions), (*given.notes, *twice, *again)


def _numbered(concept: ConceptRecord, changes: Changes) -> Changes:
    """Return the changes with images by their numbers. Raises InvalidSetting for an image that there is not."""
    numbering = Numbering([image.source_name for image in concept.images], concept.name)
    drop, captions = [*map(numbering.number, changes.drop)], numbering.numbers(changes.captions, "captions")
    return replace(changes, drop=drop, masks=numbering.numbers(changes.masks), captions=captions)


def _captions(concept: ConceptRecord, changes: Changes) -> dict[str, str]:
    """Return the other captions by the hashes of their pictures. Raises InvalidSetting for one that cannot be used."""
    found = {}
    for number, text in changes.captions.items():
        line = one_line(text)
        fault = caption_fault(line)
        require(not fault, f"The caption of image {number} cannot be used: {fault}.", "Give another text.", "captions")
        found[concept.images[int(number) - 1].sha] = line
    return found


def _with_near(kept: SpooledImages, new: Iterable[NewImage]) -> Iterator[NewImage]:
    """Yield the new images, with warnings about near-duplicates among the kept ones."""
    known = NearDuplicates()
    for image in (each for each in kept if not is_left_out(each)):
        known.remember(image.source_name, image.sha, decode_png(image.data))
    for image in new:
        yield replace(image, warnings=(*known.near(decode_png(image.data)), *image.warnings))


def _said_again(name: str, kept: SpooledImages, new: SpooledImages) -> Iterator[str]:
    """Yield a note for each new photo that is among the kept ones."""
    numbers = {sha: number for number, (sha, _) in reversed([*enumerate(kept.pairs, start=1)])}
    for image in new:
        if number := numbers.get(image.sha):
            command = f"studio concepts edit {shlex.quote(name)} --box {number}=x,y,width,height"
            same = f"{image.source_name} is the same photo as image {number} and was not added."
            yield f"{same} To change its mask: {command}"


def _kept_images(place: Workplace, concept: ConceptRecord, changes: Changes, marking: Marking) -> Iterator[NewImage]:
    kept = {number: image for number, image in enumerate(concept.images, start=1) if number not in changes.drop}
    left = [(image.source_name, image.sha) for image in kept.values()]
    for number, record in kept.items():  # what is dropped or replaced is not read, because it may be damaged
        record = replace(record, mask_sha=None) if number in changes.masks else record
        with place.database.reading() as registry:
            image = _stored_image(registry, record)
        about = [text for text in image.warnings if not text.startswith(ALMOST) or other_in(text, left)]
        image = replace(image, warnings=tuple(about))
        yield _masked(image, number, marking.finder(changes.masks[number])) if number in changes.masks else image


def _masked(image: NewImage, number: int, find: Finder) -> NewImage:
    """Return the image with the mask that is found in its stored picture."""
    found = find(Photo(path=Path(f"image {number}"), image=decode_png(image.data)))
    mask = None if found.mask is None else encode_png(found.mask)
    return replace(image, mask=mask, warnings=(*without_mask_warnings(image.warnings), *found.warnings))


def revise(
    place: Workplace, concept: ConceptRecord, noun: str, images: Sequence[NewImage], *, anew: bool = False
) -> Added:
    """Write the concept's next version, then cache its CLIP embeddings as `embedded` does. Raises ConceptChanged.

    The answer is about the images that `concept` does not have; with `anew`, about all images of a new version.
    """
    library, expected = place.library, concept.version
    result = place.database.write(
        lambda registry: registry.revise_concept(library, concept.name, noun, images, expected)
    )
    had = set() if anew and result.created else {(image.sha, image.mask_sha) for image in concept.images}
    new = (image for image in images if (image.sha, image.mask_sha) not in had)
    return embedded(place, result, new, {image.sha for image in concept.images})


def embedded(
    place: Workplace, result: AddResult, new_images: Iterable[NewImage], before: Collection[str] = ()
) -> Added:
    """Cache the CLIP embeddings of a stored concept if the models are there, and return the answer for the user.

    `before` has the hashes of the pictures that the concept had.
    """
    new = (((image.sha, image.mask_sha), image.source_name, image.warnings) for image in new_images)
    said = numbered(result.concept, new)
    later, encoded, unlike = _encoded(place, result.concept, compares=bool(said))
    shared = _shared(place, result, before)
    told = told_warnings(result.concept, said, with_alike=shared.copy_of is None)
    return Added(
        concept=result.concept,
        created=result.created,
        stack=place.spec.name,
        encoded=encoded,
        cached=0 if later else len(result.concept.images) - encoded,
        warnings=(*told, *unlike, *shared.warnings),
        doubtful=tuple(name for _, name, texts in said if is_doubtful(texts)),
        doubtful_images=tuple(sorted(number for number, _, texts in said if number and is_doubtful(texts))),
        looked_at=len(said),
        not_encoded=later,
        new_images=tuple(sorted(number for number, *_ in said if number)),
        copy_of=shared.copy_of,
    )


def _shared(place: Workplace, result: AddResult, before: Collection[str]) -> Shared:
    """Return what is said of new pictures that other concepts have too."""
    if not result.created:
        return Shared()
    with place.database.reading() as registry:
        return shared_pictures(registry, result.concept, before)


def _encoded(place: Workplace, concept: ConceptRecord, compares: bool) -> tuple[str | None, int, tuple[str, ...]]:
    """Encode a concept. Return why that has to wait, or None; how many images were encoded; and outsiders' warnings.

    Images that are all cached are read only if it `compares` them, because there are new ones among them.
    """
    if (later := missing_part(place.spec)) is not None:
        return later, 0, ()
    cached = _all_cached(place, concept)
    if cached and not compares:
        return None, 0, ()
    if (later := why_later(place)) is not None:
        return (None if cached else later), 0, ()
    from lambda_studio.workflows.subjects.photos.unlike import unlike_warnings

    views, encoded = place.embedder.subjects([concept])
    place.embedder.zero()
    return None, encoded, tuple(unlike_warnings(concept, views[concept.name]))


def _all_cached(place: Workplace, concept: ConceptRecord) -> bool:
    """Return whether all images have an embedding of the CLIP that the stack last used. No torch is imported."""
    encoder = place.known_encoder
    if encoder is None:
        return False
    with place.database.reading() as registry:
        return count_cached(registry, concept, encoder) == len(concept.images)


def why_later(place: Workplace) -> str | None:
    """Return why the stack cannot encode now, or None. Nothing is downloaded."""
    try:
        place.stack.require_fetched("clip")
        _ = place.embedder.encoder
    except (ModelFilesMissing, ModelFilesInvalid) as error:
        return error.cause.rstrip(".")
    return None
