"""Images are held back by their content, and never so many that too few are left to train on."""

from dataclasses import replace

import pytest

from lambda_studio.errors import InvalidSetting
from lambda_studio.workflows.evaluating.holdout import LEFT, hold_out

COLOURS = ("red", "green", "blue", "white", "black")


def test_the_images_with_the_smallest_hashes_are_held_back_whatever_their_order(put, plain) -> None:
    rex = put("rex", *map(plain, COLOURS))
    turned = replace(rex, images=rex.images[::-1])
    smallest = sorted(image.sha for image in rex.images)[:2]
    for concept in (rex, turned):
        found = hold_out([concept], 2)
        assert sorted(image.sha for image in found.held["rex"]) == smallest
        (training,) = found.training
        assert {image.sha for image in training.images} == {image.sha for image in rex.images} - set(smallest)
        assert (training.version_id, training.manifest) == (rex.version_id, rex.manifest)
        assert found.too_few == {}
    assert hold_out([rex], 1).held["rex"][0] in hold_out([rex], 2).held["rex"]


def test_a_concept_with_too_few_images_keeps_all_and_is_remarked(put, plain) -> None:
    rex, hat = put("rex", *map(plain, COLOURS)), put("hat", *map(plain, COLOURS[:LEFT]), noun="hat")
    found = hold_out([rex, hat], 1)
    assert found.held.keys() == {"rex"}
    assert [len(each.images) for each in found.training] == [4, 2]
    said = "2 images are too few to hold 1 back: it is not scored. Add others, up to 3."
    assert found.too_few == {"hat": said}


def test_it_is_refused_where_no_concept_has_enough(put, plain) -> None:
    hat = put("hat", *map(plain, COLOURS[:2]), noun="hat")
    with pytest.raises(InvalidSetting) as refused:
        hold_out([hat], 1)
    assert refused.value.cause == "holdout is 1, and no concept has 3 images."
    assert refused.value.remedy.startswith("Add images: studio concepts edit NAME --add PHOTO.")
    assert refused.value.field == "holdout"


def test_nothing_is_held_back_if_nothing_is_asked_for(put, plain) -> None:
    rex = put("rex", plain("red"))
    found = hold_out([rex], 0)
    assert (found.training, found.held, found.too_few) == ((rex,), {}, {})
