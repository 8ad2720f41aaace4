"""Concepts without pictures, imported or blended: a note replaces the pictures and contains the given embeddings.

The note is an image of the version. Its embeddings are in no cache, so other users' values never replace them.
"""

import shlex
from collections.abc import Iterable, Sequence

import numpy as np
from jaxtyping import Float32

from concepts.errors import ContentDamaged
from concepts.names import shown
from concepts.records import ConceptRecord, ImageRecord, NewImage
from concepts.registry import Registry
from lambda_studio.bundles.given import DTYPE, GivenView, Note, read_note
from lambda_studio.errors import PicturesLeftOut
from lambda_studio.workflows.cache.encoders import Encoder
from lambda_studio.workflows.cache.keys import subject_key

SIDE = 1
"""Width and height of a note. No picture is as small."""
IMPORT_AGAIN = "Import the bundle again: studio library import FILE.zip (--trusted-key FILE.pub, if it is signed)"
"""The remedy for an embedding without proof that it came from the concept's bundle."""


def is_left_out(image: ImageRecord | NewImage) -> bool:
    """Return whether this image is a note, not a picture."""
    return image.width == SIDE and image.height == SIDE


def require_pictures(concepts: Sequence[ConceptRecord], what: str) -> None:
    """Raise PicturesLeftOut with the name of every concept without pictures."""
    without = [concept.name for concept in concepts if any(map(is_left_out, concept.images))]
    if without:
        cause = f"{', '.join(without)}: imported without pictures, or a blend. Pictures are needed for {what}."
        remedy = "Leave these concepts out. Or name what was blended, or ask for a bundle with pictures."
        if some := next((each for each in concepts if each.name in without and each.picture_count), None):
            drops = " ".join(f"--drop {n}" for n, image in enumerate(some.images, start=1) if is_left_out(image))
            remedy += f" To use only the pictures that {some.name} has: "
            remedy += f"studio concepts edit {shlex.quote(some.name)} {drops}"
        raise PicturesLeftOut(cause, remedy)


def notes(registry: Registry, images: Iterable[ImageRecord]) -> dict[str, Note]:
    """Return the notes among these images, by hash. Raises ContentDamaged."""
    return {image.sha: _note(registry, image.sha) for image in images if is_left_out(image)}


def require_no_blend(registry: Registry, concept: ConceptRecord) -> None:
    """Raise PicturesLeftOut for a blend, which pictures cannot be added to."""
    if any(note.blend for note in notes(registry, concept.images).values()):
        remedy = "Make a concept of the pictures: studio add-concept NAME IMAGE --noun NOUN"
        raise PicturesLeftOut(f"{concept.name} is a blend: it is an embedding, which has no pictures.", remedy)


def require_views(registry: Registry, images: Sequence[ImageRecord]) -> None:
    """Raise PicturesLeftOut if a note has no embedding. Notes from before schema 0004 may have lost it."""
    held = notes(registry, images)
    if without := [image.source_name for image in images if image.sha in held and not held[image.sha].views]:
        cause = f"{', '.join(without)}: the embedding that replaced the pictures is lost."
        raise PicturesLeftOut(cause, IMPORT_AGAIN)


def given_view(note: Note, image: ImageRecord, encoder: Encoder) -> GivenView | None:
    """Return the note's embedding by this CLIP and this version's preprocessing, or None.

    An embedding of another width is not this CLIP's, whatever the note says. An embedding cannot be recomputed, so it
    is used for every number format of the encoder.
    """
    view = note.view(encoder.fingerprint, subject_key(image, encoder).preprocessing)
    return view if view is not None and encoder.fits(view.data) else None


def given_embeddings(
    registry: Registry, images: Sequence[ImageRecord], encoder: Encoder
) -> dict[str, Float32[np.ndarray, " dim"]]:
    """Return the embeddings in the notes among these images, by the notes' hashes.

    A blend's is left out if it is another encoder's: see `parts_of`.

    Raises:
        PicturesLeftOut: a note of an import has no embedding by this encoder.
        ContentDamaged: the bytes of a note are damaged.
    """
    held = notes(registry, images)
    left_out = {image.sha: image for image in images if image.sha in held}
    found = {sha: given_view(held[sha], image, encoder) for sha, image in left_out.items()}
    lacking = [sha for sha, view in found.items() if view is None and not held[sha].blend]
    if without := [left_out[sha].source_name for sha in lacking]:
        clip = f"CLIP, which gives {encoder.width} numbers" if encoder.width else "CLIP"
        cause = (
            f"{', '.join(without)}: there is no embedding for this stack's {clip}, and no picture to compute it from."
        )
        raise PicturesLeftOut(cause, "Use the stack of the export (--stack), or ask for a bundle with pictures.")
    return {sha: np.frombuffer(view.data, dtype=DTYPE) for sha, view in found.items() if view is not None}


def parts_of(registry: Registry, concept: ConceptRecord, image: ImageRecord) -> list[tuple[ConceptRecord, float]]:
    """Return the versions and weights that a blend was made of, of its own library.

    Raises:
        PicturesLeftOut: a part is not there, or is a blend itself, which no blend of ours is made of.
        ContentDamaged: the bytes of a note are damaged.
    """
    found = []
    for part in _note(registry, image.sha).blend:
        version = registry.find_version(concept.library, part.manifest, part.name)
        if version is None or any(note.blend for note in notes(registry, version.images).values()):
            cause = (
                f"{concept.name} is a blend that another CLIP has encoded, and {shown(part.name)}, which it was made of"
            )
            remedy = "Use the stack that it was made with (--stack). Or bring back what it was made of."
            raise PicturesLeftOut(f"{cause}, is not in library {shown(concept.library)}.", remedy)
        found.append((version, part.weight))
    return found


def _note(registry: Registry, sha: str) -> Note:
    try:
        return read_note(registry.blob(sha))
    except ValueError as error:
        cause = f"The note in place of pictures, {sha}, {error}."
        raise ContentDamaged(cause, "Remove its concept, then import its bundle again.") from error
