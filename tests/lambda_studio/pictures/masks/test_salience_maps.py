"""What a salience map says: the subject, and reasons to doubt its mask."""

import numpy as np
import pytest

from lambda_studio.pictures.masks.salience_maps import doubts, salient_subject
from lambda_studio.pictures.masks.saliency import SIDE


def drawn(*boxes: tuple[int, int, int, int], level: int = 255) -> np.ndarray:
    image = np.zeros((SIDE, SIDE), np.uint8)
    for left, top, right, bottom in boxes:
        image[top:bottom, left:right] = level
    return image


def test_the_subject_has_no_smaller_objects_beside_it_and_no_holes() -> None:
    found = drawn((100, 100, 220, 220), (0, 0, 30, 60))
    found[150:160, 150:160] = 0
    subject, small = salient_subject(found, (640, 480))
    assert subject.shape == (480, 640)
    assert np.array_equal(small, drawn((100, 100, 220, 220)) > 0)
    assert subject.mean() == pytest.approx(small.mean(), rel=0.02)


def test_each_reason_to_doubt_a_mask_is_told() -> None:
    sure = drawn((100, 100, 220, 220))
    subject = sure > 0
    assert doubts(sure, subject, lambda: subject) == ()
    assert doubts(drawn((100, 100, 220, 220), level=200), subject, lambda: subject) == ("its outline is uncertain",)
    two = drawn((100, 100, 220, 220), (10, 10, 110, 70))
    assert doubts(two, subject, lambda: subject) == ("other things stand out too",)
    left = drawn((0, 100, 220, 220))
    assert doubts(left, left > 0, lambda: left > 0) == ()
    assert doubts(left, left > 0, lambda: subject) == ("it reaches an edge",)


def test_two_large_parts_are_a_reason_to_doubt_a_mask() -> None:
    two = drawn((40, 100, 120, 220), (200, 100, 280, 200))
    _, subject = salient_subject(two, (640, 480))
    said = "it has 2 separate parts: is only one of them the subject?"
    assert doubts(two, subject, lambda: subject) == (said,)
    one = drawn((40, 100, 120, 220), (200, 100, 220, 120))
    _, alone = salient_subject(one, (640, 480))
    assert doubts(one, alone, lambda: alone) == ()
