"""A bundle whose frame is right may still lie: each object must be what it is used for, and one report says all."""

import hashlib
import tracemalloc
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from concepts.names import MAX_LENGTH
from concepts.records import ImageRecord, manifest
from lambda_studio.bundles.archive import write_archive
from lambda_studio.bundles.contents import BundleConcept, BundleEmbedding, BundleImage, Contents
from lambda_studio.bundles.given import GivenView, Note, read_note
from lambda_studio.errors import BundleRefused
from lambda_studio.pictures.door import PictureDoor
from lambda_studio.pictures.files.png import encode_png
from lambda_studio.studio import Studio
from lambda_studio.workflows.cache.encoders import Encoder, KnownEncoders

PICTURE = encode_png(Image.linear_gradient("L").resize((64, 48)).convert("RGB"))
MASK = encode_png(Image.linear_gradient("L").resize((64, 48)))
NOTE = Note(pictures=(("0" * 64, None),)).encoded()
VIEW = np.arange(32, dtype="<f4").tobytes()


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def picture(data: bytes = PICTURE, mask: bytes | None = MASK, size: tuple[int, int] = (64, 48)) -> BundleImage:
    name, mask_name = sha(data), mask and sha(mask)
    return BundleImage(sha256=name, mask=mask_name, width=size[0], height=size[1], source_name="a.jpg", warnings=())


def bound(view: bytes = VIEW) -> bytes:
    """A note that holds its embedding."""
    views = (GivenView(encoder="e" * 64, preprocessing="cutout-1 cut_out", data=view),)
    return Note(pictures=(("0" * 64, None),), views=views).encoded()


def left_out(note: bytes = NOTE, view: bytes = VIEW) -> BundleImage:
    embedding = BundleEmbedding(encoder="e" * 64, preprocessing="cutout-1 cut_out", sha256=sha(view))
    return replace(picture(note, None, (1, 1)), embeddings=(embedding,))


def concept(name: str = "rex", noun: str = "dog", *images: BundleImage) -> BundleConcept:
    records = [ImageRecord(each.sha256, each.mask, each.width, each.height, "", ()) for each in images]
    return BundleConcept(name=name, noun=noun, manifest=manifest(noun, records), images=images)


def imported(tmp_path: Path, concepts: list[BundleConcept], *more: bytes):
    """What comes of a bundle of these concepts, whose objects are among these bytes."""
    known = {sha(data): data for data in (PICTURE, MASK, NOTE, VIEW, *more)}
    needed = {each for item in concepts for image in item.images for each in image.objects}
    buffer = BytesIO()
    write_archive(buffer, Contents(tuple(concepts), {each: len(known[each]) for each in needed}), known.__getitem__)
    (tmp_path / "x.zip").write_bytes(buffer.getvalue())
    with Studio(tmp_path / "home") as studio:
        try:
            return studio.libraries.import_(tmp_path / "x.zip")
        except BundleRefused as error:
            assert studio.concepts.list() == []
            return error.cause


@pytest.mark.parametrize("shape", ["older", "present"])
def test_what_is_right_is_stored_with_its_embedding_in_the_version_and_in_no_cache(tmp_path: Path, shape: str) -> None:
    cap = left_out() if shape == "older" else picture(bound(), None, (1, 1))
    done = imported(tmp_path, [concept("rex", "dog", picture()), concept("cap", "hat", cap)], bound())
    assert [(each.name, each.state) for each in done.concepts] == [("rex", "added"), ("cap", "added")]
    with Studio(tmp_path / "home") as studio, studio.database.reading() as registry:
        (image,) = registry.get_concept("default", "cap").images
        assert read_note(registry.blob(image.sha)) == read_note(bound())
        assert registry.computed_features() == []
        assert registry.blob(sha(MASK)) == MASK


WRONG = encode_png(Image.new("RGB", (64, 40), "red"))
EMPTY = encode_png(Image.new("L", (64, 48)))
HALF = b'{"format":"lambda-studio pictures left out"}'
NAN = np.array([1, np.nan], dtype="<f4").tobytes()


@pytest.mark.parametrize(
    ("image", "data", "said"),
    [
        (picture(WRONG), WRONG, "has 64 x 40 pixels instead of 64 x 48"),
        (picture(MASK), MASK, "has the mode L instead of RGB"),
        (picture(PICTURE, PICTURE), PICTURE, "has the mode RGB instead of L"),
        (picture(PICTURE, EMPTY), EMPTY, "is an empty mask"),
        (picture(NOTE, None, (1, 1)), NOTE, "is a note for pictures left out, but has no embedding"),
        (left_out(bound()), bound(), "is a note with embeddings, and has other embeddings beside it"),
        (picture(bound(NAN), None, (1, 1)), bound(NAN), "one of its embeddings is an embedding with NaN"),
        (picture(PICTURE, None, (1, 1)), PICTURE, "is not a note of pictures left out"),
        (picture(NOTE, MASK, (1, 1)), NOTE, "is a picture of one pixel, or has embeddings"),
        (replace(left_out(PICTURE), width=64, height=48), PICTURE, "is a picture of one pixel, or has embeddings"),
        (left_out(b"cos\nsystem"), b"cos\nsystem", "is not a note of pictures left out"),
        (left_out(NOTE + b" "), NOTE + b" ", "is not a note of pictures left out"),
        (left_out(HALF), HALF, "is not a note of pictures left out"),
        (left_out(NOTE, NAN), NAN, "is an embedding with NaN or infinite numbers"),
        (left_out(NOTE, b"abc"), b"abc", "is not an embedding of 1 to"),
    ],
)  # fmt: skip
def test_an_object_that_is_not_what_it_is_used_for_is_refused(tmp_path: Path, image, data: bytes, said: str) -> None:
    assert said in imported(tmp_path, [concept("rex", "dog", image)], data)


def test_the_memory_of_an_import_does_not_grow_with_how_often_a_picture_is_listed(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (600, 600, 3), dtype=np.uint8)
    large = encode_png(Image.fromarray(noise))
    often = [picture(large, None, (600, 600))] * 30
    tracemalloc.start()
    try:
        done = imported(tmp_path, [concept("rex", "dog", *often), concept("tom", "cat", *often)], large)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert [each.state for each in done.concepts] == ["added", "added"]
    assert peak < 15 * len(large), "each listing would be a megabyte"


@pytest.mark.parametrize("shape", ["older", "present"])
def test_an_embedding_without_the_width_of_the_clip_that_it_names_is_refused(tmp_path: Path, shape: str) -> None:
    (tmp_path / "home").mkdir()
    KnownEncoders(tmp_path / "home").note("tiny", Encoder("e" * 64, "float32", 33))
    cap = left_out() if shape == "older" else picture(bound(), None, (1, 1))
    said = imported(tmp_path, [concept("cap", "hat", cap)], bound())
    assert "is an embedding of 32 numbers, and its CLIP gives 33" in said


@pytest.mark.parametrize(
    ("images", "said"),
    [
        ([picture(), picture(size=(64, 47))], f"object {sha(PICTURE)} is listed with different sizes or embeddings"),
        ([picture(), picture(mask=MASK, size=(63, 48))], f"object {sha(MASK)} is listed with different sizes"),
        ([left_out(), picture(NOTE, None, (1, 1))], f"object {sha(NOTE)} is listed with different sizes or embeddings"),
    ],
)
def test_an_object_with_two_claims_is_checked_once_and_refused(tmp_path: Path, images, said: str, monkeypatch) -> None:
    checked: list[bytes] = []
    fault = PictureDoor._fault
    monkeypatch.setattr(PictureDoor, "_fault", lambda self, do, *of: checked.append(of[0]) or fault(self, do, *of))
    assert said in imported(tmp_path, [concept("rex", "dog", *images)])
    assert len(checked) == len(set(checked))


@pytest.mark.parametrize(
    ("name", "noun", "said"),
    [
        ("", "dog", "is empty"),
        ("a<b", "dog", "angle bracket"),
        ("\u202egod", "dog", "invisible or direction-changing character"),
        ("x" * (MAX_LENGTH + 1), "dog", "has 81 characters"),
        ("rex", " ", "The noun is missing"),
        (" rex", "dog", "its name or noun is not normalised"),
        ("e\u0301", "dog", "its name or noun is not normalised"),
    ],
)
def test_a_name_that_cannot_be_is_refused(tmp_path: Path, name: str, noun: str, said: str) -> None:
    assert said in imported(tmp_path, [concept(name, noun, picture())])


def test_all_that_is_wrong_is_in_one_report(tmp_path: Path) -> None:
    forged = replace(concept("tom", "cat", picture()), manifest="0" * 64)
    said = imported(tmp_path, [forged, concept("TOM", "cat", picture(PICTURE, EMPTY))], EMPTY)
    assert "for 3 reasons" in said
    assert "concept 1: its manifest hash does not match its noun and images" in said
    assert "concept 2: its name is a duplicate" in said
    assert f"object {sha(EMPTY)} is an empty mask" in said


def test_a_name_that_no_file_can_have_is_refused(tmp_path: Path) -> None:
    with Studio(tmp_path / "home") as studio:
        for name in ("x" * 5000, "a\0b"):
            with pytest.raises(BundleRefused, match="cannot be read"):
                studio.libraries.import_(tmp_path / f"{name}.zip")
