"""The image whose subject is unlike the others is named."""

import torch

from lambda_studio.workflows.subjects.photos import unlike
from lambda_studio.workflows.subjects.photos.unlike import mean_cosine, unlike_warnings

ALIKE = torch.tensor([1.0, 0.1, 0.0, 0.0])
OTHER = torch.tensor([0.0, 0.0, 1.0, 0.0])


def test_an_intruder_is_named_with_its_number_and_file(put, plain) -> None:
    concept = put("my rex", *(plain(colour) for colour in ("red", "blue", "green", "white")))
    views = [ALIKE, 3 * ALIKE, OTHER, ALIKE]
    assert list(unlike_warnings(concept, views)) == [
        "image 3 (green.png): unlike the others (0.00 like them, they 1.00 like each other). Is its mask right? "
        "studio concepts show 'my rex' --sheet 'my rex'.png"
    ]
    assert list(unlike_warnings(concept, [ALIKE] * 4)) == []


def test_three_images_cannot_tell_which_one_is_wrong(put, plain) -> None:
    concept = put("rex", *(plain(colour) for colour in ("red", "blue", "green")))
    assert list(unlike_warnings(concept, [ALIKE, ALIKE, OTHER])) == []


def test_an_added_image_that_is_unlike_the_others_is_said_at_once(studio, put, plain, photo, monkeypatch) -> None:
    monkeypatch.setattr(unlike, "UNLIKE", -2.0)  # so that each image of a random CLIP is unlike the others
    put("rex", *(plain(colour) for colour in ("red", "blue", "green")))
    edited = studio.concepts.edit("rex", add=[photo], segment="none")
    assert [said.split(":")[0] for said in edited.warnings if "unlike the others" in said] == [
        f"image {number} ({name}.png)" for number, name in enumerate(("red", "blue", "green", "photo"), start=1)
    ]


def test_it_is_said_again_where_the_embedding_is_cached_and_when_a_version_is_restored(
    studio, put, plain, photo, monkeypatch
) -> None:
    monkeypatch.setattr(unlike, "UNLIKE", -2.0)
    put("rex", *(plain(colour) for colour in ("red", "blue", "green")))
    studio.concepts.edit("rex", add=[photo], segment="none")
    assert studio.concepts.edit("rex", drop=["photo.png"]).warnings == (), "three images cannot tell"
    again = studio.concepts.edit("rex", add=[photo], segment="none")
    assert (again.encoded, sum("unlike the others" in said for said in again.warnings)) == (0, 4)
    studio.concepts.edit("rex", drop=["photo.png"])
    restored = studio.concepts.restore("rex", 2)
    assert (restored.encoded, sum("unlike the others" in said for said in restored.warnings)) == (0, 4)
    assert restored.looked_at == 4
    assert studio.concepts.edit("rex", noun="wolf").warnings == (), "nothing new is there to compare"


def test_the_mean_cosine_leaves_out_a_row_with_itself() -> None:
    rows = torch.stack([ALIKE / ALIKE.norm(), OTHER, OTHER])
    assert mean_cosine(rows) == torch.tensor(1 / 3)
