"""Metrics read reference images as the registry has them."""

import numpy as np

from lambda_studio.workflows.evaluating.views import views_of


def test_a_view_has_the_images_pixels_its_mask_and_the_noun(studio, put, plain) -> None:
    rex = put("rex", plain("red", masked=True), plain("blue"), noun="cat")
    red, blue = views_of(studio.workplace, rex, rex.images)
    assert (red.noun, blue.noun) == ("cat", "cat")
    assert np.asarray(red.image)[0, 0].tolist() == [255, 0, 0]
    assert red.mask is not None and red.mask.getbbox() == (0, 0, 12, 36)
    assert blue.mask is None
    assert len(views_of(studio.workplace, rex, rex.images[1:])) == 1
