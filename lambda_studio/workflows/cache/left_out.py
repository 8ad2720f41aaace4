"""Concepts that came without their pictures: a note stands in their place, and holds the embeddings that were given.

The note is an image of the version, and so are its numbers: they are in no cache, and nobody else's stand for them.
"""

from collections.abc import Iterable, Sequence

import numpy as np
from jaxtyping import Float32

from concepts.errors import ContentDamaged
from concepts.records import ConceptRecord, ImageRecord
from concepts.registry import Registry
from lambda_studio.bundles.given import DTYPE, GivenView, Note, read_note
from lambda_studio.errors import PicturesLeftOut
from lambda_studio.workflows.cache.encoders import Encoder
from lambda_studio.workflows.cache.keys import subject_key

SIDE = 1
"""The size of a note, in place of a picture's: no picture is as small."""
IMPORT_AGAIN = "Import the bundle again: studio library import FILE.zip (--trusted-key FILE.pub, where it is signed)"
"""What to do where nothing shows that a version's embedding is the one that its bundle held."""


def is_left_out(image: ImageRecord) -> bool:
    """Whether this is a note, and no picture."""
    return image.width == SIDE and image.height == SIDE


def require_pictures(concepts: Iterable[ConceptRecord], what: str) -> None:
    """Raise PicturesLeftOut, which names every concept that has none."""
    without = [concept.name for concept in concepts if any(map(is_left_out, concept.images))]
    if without:
        cause = f"{', '.join(without)}: came without pictures, and {what} needs them."
        raise PicturesLeftOut(cause, "Ask for a bundle with pictures, or leave these out.")


def notes(registry: Registry, images: Iterable[ImageRecord]) -> dict[str, Note]:
    """Return the notes among these images by their hashes. Raises ContentDamaged."""
    return {image.sha: _note(registry, image.sha) for image in images if is_left_out(image)}


def require_views(registry: Registry, images: Sequence[ImageRecord]) -> None:
    """Raise PicturesLeftOut where a note holds no embedding: it came before schema 0004, and its embedding is lost."""
    held = notes(registry, images)
    if without := [image.source_name for image in images if image.sha in held and not held[image.sha].views]:
        cause = f"{', '.join(without)}: the embedding that came in their place is lost."
        raise PicturesLeftOut(cause, IMPORT_AGAIN)


def given_view(note: Note, image: ImageRecord, encoder: Encoder) -> GivenView | None:
    """Return what the note holds by this CLIP, of pictures as this version prepares them, or None.

    Nobody can compute it again, so it serves whatever number format the encoder runs in.
    """
    return note.view(encoder.fingerprint, subject_key(image, encoder).preprocessing)


def given_embeddings(
    registry: Registry, images: Sequence[ImageRecord], encoder: Encoder
) -> dict[str, Float32[np.ndarray, " dim"]]:
    """Return the embeddings that the notes among these images hold, by the notes' hashes.

    Raises:
        PicturesLeftOut: a note holds none by this encoder.
        ContentDamaged: the bytes of a note are damaged.
    """
    held = notes(registry, images)
    left_out = {image.sha: image for image in images if image.sha in held}
    found = {sha: given_view(held[sha], image, encoder) for sha, image in left_out.items()}
    if without := [left_out[sha].source_name for sha, view in found.items() if view is None]:
        cause = (
            f"{', '.join(without)}: there is no embedding for the CLIP of this stack, and no picture to make it from."
        )
        raise PicturesLeftOut(cause, "Use the stack it was exported with (--stack), or ask for a bundle with pictures.")
    return {sha: np.frombuffer(view.data, dtype=DTYPE) for sha, view in found.items() if view is not None}


def _note(registry: Registry, sha: str) -> Note:
    try:
        return read_note(registry.blob(sha))
    except ValueError as error:
        cause = f"What stands in place of pictures, {sha}, {error}."
        raise ContentDamaged(cause, "Remove its concept, and import its bundle again.") from error
