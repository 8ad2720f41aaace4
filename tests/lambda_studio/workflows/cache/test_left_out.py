"""A note in place of pictures: what it holds is used, and what needs pictures is refused."""

from dataclasses import replace

import numpy as np
import pytest

from concepts.errors import ContentDamaged
from concepts.records import ImageRecord, NewImage
from lambda_studio.bundles.given import GivenView, Note
from lambda_studio.errors import PicturesLeftOut
from lambda_studio.workflows.cache.encoders import Encoder
from lambda_studio.workflows.cache.keys import subject_key
from lambda_studio.workflows.cache.left_out import (
    given_embeddings,
    is_left_out,
    notes,
    require_pictures,
    require_views,
)

NUMBERS = np.arange(4, dtype="<f4")
CLIP = Encoder("e" * 64, "float32")


@pytest.fixture
def prepared() -> str:
    """How this version prepares a subject for CLIP."""
    return subject_key(ImageRecord("", None, 1, 1, "", ()), CLIP).preprocessing


def stands_in(data: bytes) -> NewImage:
    return NewImage(data, None, 1, 1, "2 pictures of rex, left out")


@pytest.fixture
def note(prepared) -> Note:
    view = GivenView(encoder=CLIP.fingerprint, preprocessing=prepared, data=NUMBERS.tobytes())
    return Note(pictures=(("0" * 64, None),), views=(view,))


def test_a_note_is_told_from_pictures_by_its_size(put, plain, note) -> None:
    concept = put("rex", plain("red"), stands_in(note.encoded()))
    assert [is_left_out(image) for image in concept.images] == [False, True]


def test_every_concept_without_pictures_is_named(put, plain, note) -> None:
    left_out = [put("rex", stands_in(note.encoded())), put("hat", plain("red"), stands_in(note.encoded()))]
    whole = put("cap", plain("red"))
    require_pictures([whole], "training")
    with pytest.raises(PicturesLeftOut, match=r"^rex, hat: .*training"):
        require_pictures([whole, *left_out], "training")


def test_a_notes_numbers_serve_its_own_clip_in_any_number_format_and_no_other(studio, put, plain, note) -> None:
    concept = put("rex", plain("red"), stands_in(note.encoded()))
    sha = concept.images[1].sha
    with studio.database.reading() as registry:
        assert notes(registry, concept.images) == {sha: note}
        for dtype in ("float32", "bfloat16"):
            found = given_embeddings(registry, concept.images, Encoder(CLIP.fingerprint, dtype))
            assert found.keys() == {sha} and np.array_equal(found[sha], NUMBERS)
        with pytest.raises(PicturesLeftOut, match=r"2 pictures of rex, left out: there is no embedding"):
            given_embeddings(registry, concept.images, Encoder("f" * 64, "float32"))


@pytest.mark.parametrize("width", [1, 3, 5])
def test_numbers_of_another_width_are_not_this_clips(studio, put, note, width: int) -> None:
    concept = put("rex", stands_in(note.encoded()))
    with studio.database.reading() as registry:
        assert given_embeddings(registry, concept.images, replace(CLIP, width=4)).keys() == {concept.images[0].sha}
        with pytest.raises(PicturesLeftOut, match=f"this stack's CLIP, which gives {width} numbers, and no picture"):
            given_embeddings(registry, concept.images, replace(CLIP, width=width))


def test_a_note_that_lost_its_numbers_is_told(studio, put, plain, note) -> None:
    lost = put("rex", stands_in(Note(pictures=note.pictures).encoded()))
    whole = put("hat", plain("red"), stands_in(note.encoded()))
    with studio.database.reading() as registry:
        require_views(registry, whole.images)
        with pytest.raises(PicturesLeftOut, match="is lost") as refused:
            require_views(registry, [*whole.images, *lost.images])
    assert "studio library import" in refused.value.remedy


def test_bytes_that_are_no_note_are_damaged(studio, put) -> None:
    concept = put("rex", stands_in(b"{}"))
    with studio.database.reading() as registry, pytest.raises(ContentDamaged, match=concept.images[0].sha):
        notes(registry, concept.images)
