"""What may spoil a training set is found in stored warnings and cached embeddings."""

import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest
import torch
from PIL import Image

from concepts.database import FILE_NAME
from concepts.errors import ContentDamaged
from lambda_studio.pictures.files.screenshots import LIKELY
from lambda_studio.pictures.masks.subject import ALL_WHITE, DOUBT
from lambda_studio.pictures.parts import Crop
from lambda_studio.workflows.cache.encoders import KnownEncoders
from lambda_studio.workflows.cache.keys import crop_key, subject_key
from lambda_studio.workflows.tuning.planning.dataset import TrainingPictures, not_told_apart


@pytest.fixture
def said(studio):
    """Look at concepts, and give each remark as one line."""

    def look(*concepts) -> list[str]:
        return [f"{each.concept}: {each.said}" for each in TrainingPictures(studio.workplace, concepts).remarks()]

    return look


def test_stored_warnings_that_matter_to_training_are_said_and_others_are_not(put, plain, said) -> None:
    concept = put("rex", plain("red"), plain("blue"), plain("green"))
    texts = (
        (f"{DOUBT}it reaches an edge", "colours were converted from Display P3"),
        ("its subject is tiny (0.4% of the picture)", "its subject is blurred"),
        ("almost the same picture as blue.png", LIKELY),
    )
    images = tuple(replace(image, warnings=each) for image, each in zip(concept.images, texts, strict=True))
    assert said(replace(concept, images=images)) == [
        "rex: 2 of 3 masks may be wrong (images 1-2). Look at them: studio concepts show rex --sheet rex.png",
        "rex: image 2 (blue.png): its subject is tiny (0.4% of the picture)",
        "rex: image 2 (blue.png): its subject is blurred",
        f"rex: image 3 (green.png): {LIKELY}",
        "rex: 2 pictures are almost the same (images 2-3): keep image 3, the sharpest or largest: "
        "studio concepts edit rex --drop 2",
    ]


def test_one_image_alone_is_said(put, plain, said) -> None:
    alone = "rex: 1 image: its pose and its background are learnt as parts of the subject. Add others."
    assert said(put("rex", plain("red"))) == [alone]


@pytest.fixture
def cached(studio):
    """Store embeddings as if a CLIP had made them."""
    encoder = studio.workplace.embedder.encoder
    store = studio.workplace.embedder.store

    def keep(concept, rows, key_of=subject_key) -> None:
        store._put({key_of(image, encoder): row for image, row in zip(concept.images, rows, strict=True)})

    return keep


def test_cached_embeddings_are_compared_within_a_concept_and_between_two(put, plain, said, cached) -> None:
    one, other = torch.tensor([1.0, 0.0, 0.0]), torch.tensor([0.0, 1.0, 0.0])
    colours = ("red", "blue", "green", "white")
    rex, max_ = put("rex", *map(plain, colours)), put("max", *map(plain, ("black", "yellow")))
    cached(rex, [one, one, other, one])
    cached(max_, [one, one])
    cached(max_, [one, one], crop_key)
    assert said(rex, max_) == [
        "rex: image 3 (green.png): unlike the others (0.00 like them, they 1.00 like each other). Is its mask right? "
        "studio concepts show rex --sheet rex.png",
        "max: its 2 images show nearly the same view (1.00). Add photos of other sides and places.",
        "rex: 0.95 like max: pictures of one may show the other.",
    ]


def test_one_view_is_seen_in_the_squares_that_are_learnt(put, plain, said, cached) -> None:
    rex, one = put("rex", plain("red", masked=True), plain("blue", masked=True)), torch.tensor([1.0, 0.0])
    cached(rex, [one, one], lambda image, encoder: crop_key(image, encoder, Crop.square(0, 0, 36)))
    assert said(rex) == ["rex: its 2 images show nearly the same view (1.00). Add photos of other sides and places."]


def test_an_all_white_mask_is_no_mask_that_may_be_wrong(put, plain, said) -> None:
    concept = put("rex", plain("red"), plain("blue"))
    warned = replace(concept.images[0], warnings=(ALL_WHITE.format("a.png"),))
    alone = "rex: image 1 (red.png): its mask a.png is all white: the whole picture is the subject"
    assert said(replace(concept, images=(warned, concept.images[1]))) == [alone]


def test_one_mask_that_may_be_wrong_is_one_image(put, plain, said) -> None:
    concept = put("rex", plain("red"), plain("blue"))
    images = (replace(concept.images[0], warnings=(f"{DOUBT}it reaches an edge",)), concept.images[1])
    assert said(replace(concept, images=images)) == [
        "rex: 1 of 2 masks may be wrong (image 1). Look at it: studio concepts show rex --sheet rex.png"
    ]


@pytest.mark.parametrize(("own", "others"), [(None, None), ("a", None), (None, "b"), ("a", "a")])
def test_a_photograph_of_two_concepts_is_told_if_no_masks_tell_them_apart(put, plain, said, own, others) -> None:
    rex, max_ = put("my rex", plain("red"), plain("blue")), put("max", plain("blue"), plain("green"))
    rex = replace(rex, images=(rex.images[0], replace(rex.images[1], mask_sha=own)))
    max_ = replace(max_, images=(replace(max_.images[0], mask_sha=others), max_.images[1]))
    assert not_told_apart([rex, max_]) == {"my rex", "max"}
    why = "both subjects have the same mask" if own and others else "no masks tell the two subjects apart"
    assert said(rex, max_) == [
        f"my rex: image 2 (blue.png) is also image 1 of max, and {why}. "
        "Box each: studio concepts edit 'my rex' --box 2=x,y,width,height; "
        "studio concepts edit max --box 1=x,y,width,height. "
        "Or give another photograph: studio concepts edit max --add PHOTO --drop 1"
    ]


def test_photographs_of_two_concepts_are_told_at_once(put, plain, said) -> None:
    colours = [plain(colour) for colour in ("red", "blue", "green")]
    (told,) = said(put("rex", *colours), put("max", plain("white"), *colours))
    assert told.startswith("rex: images 1-3 are also in max (its images 2-4), and no masks")
    assert told.endswith("studio concepts edit max --add PHOTO --drop 2-4")


def test_a_photograph_whose_masks_tell_two_concepts_apart_is_not_told(put, plain, said) -> None:
    rex, max_ = put("rex", plain("red"), plain("blue")), put("max", plain("blue"), plain("green"))
    rex = replace(rex, images=(rex.images[0], replace(rex.images[1], mask_sha="a")))
    max_ = replace(max_, images=(replace(max_.images[0], mask_sha="b"), max_.images[1]))
    assert said(rex, max_) == [] and not_told_apart([rex, max_]) == set()


def test_without_a_known_clip_or_with_an_image_that_is_not_encoded_nothing_is_compared(
    studio, put, plain, said, cached
) -> None:
    one = torch.tensor([1.0, 0.0])
    rex = put("rex", plain("red"), plain("blue"))
    cached(replace(rex, images=rex.images[:1]), [one], crop_key)
    assert said(rex) == []
    KnownEncoders(studio.home).path.unlink()
    assert said(rex) == []


def test_a_damaged_image_is_named_by_its_concept_and_file(studio, put, plain) -> None:
    put("max", plain("blue"))
    rex = put("my rex", plain("red"), plain("green"))
    with closing(sqlite3.connect(studio.home / FILE_NAME)) as connection, connection:
        connection.execute("UPDATE blobs SET data = zeroblob(size) WHERE sha = ?", (rex.images[1].sha,))
    pictures = TrainingPictures(studio.workplace, [rex])
    with pytest.raises(ContentDamaged) as caught:
        pictures.require_whole()
    assert (caught.value.cause, caught.value.remedy) == (
        "Image 2 of my rex (green.png) is damaged in the registry.",
        "Drop it: studio concepts edit 'my rex' --drop 2",
    )
    studio.concepts.edit("my rex", drop=[2])
    TrainingPictures(studio.workplace, [studio.concepts.show("my rex").concept]).require_whole()


def test_a_damaged_mask_is_named_and_can_be_found_again(studio, put, plain, tmp_path) -> None:
    concept = put("my rex", plain("red"), plain("green", masked=True))
    with closing(sqlite3.connect(studio.home / FILE_NAME)) as connection, connection:
        connection.execute("UPDATE blobs SET data = zeroblob(size) WHERE sha = ?", (concept.images[1].mask_sha,))
    with pytest.raises(ContentDamaged) as caught:
        TrainingPictures(studio.workplace, [concept]).require_whole()
    assert (caught.value.cause, caught.value.remedy) == (
        "The mask of image 2 of my rex (green.png) is damaged in the registry.",
        "Find the subject again: studio concepts edit 'my rex' --segment 2=auto",
    )
    Image.linear_gradient("L").resize((48, 36)).point(lambda value: 255 * (value > 99)).save(tmp_path / "mask.png")
    studio.concepts.edit("my rex", masks={2: tmp_path / "mask.png"})
    TrainingPictures(studio.workplace, [studio.concepts.show("my rex").concept]).require_whole()
