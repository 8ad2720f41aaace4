"""The way that was chosen for the subject to be found."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lambda_studio.errors import InvalidSetting, MaskRefused
from lambda_studio.pictures.files.opening import Photo
from lambda_studio.workflows.subjects.masks.segmenting import find_by_noun, subject_finder


class Finds:
    """Finds the same every time."""

    def __init__(self, mask: np.ndarray | None):
        self.mask = mask

    def find(self, image: Image.Image, noun: str) -> np.ndarray | None:
        return self.mask


def test_what_is_found_is_a_mask_and_what_is_not_is_refused_by_name() -> None:
    picture = Image.new("RGB", (80, 60), "gray")
    photo, mask = Photo(path=Path("a.png"), image=picture), np.zeros((60, 80), dtype=bool)
    mask[10:20, 10:12] = True
    found = find_by_noun(Finds(mask), "dog", photo)
    assert np.array_equal(np.asarray(found.mask), 255 * mask)
    assert found.warnings == ("its subject is tiny (0.4% of the picture)",)
    with pytest.raises(MaskRefused, match=r"a\.png shows no dog .* or segment=grabcut"):
        find_by_noun(Finds(None), "dog", photo)


def test_a_finder_finds_as_it_was_chosen(studio) -> None:
    picture = Image.new("RGB", (80, 60), "gray")
    alpha = Image.new("L", (80, 60))
    alpha.paste(255, (0, 0, 40, 60))
    photo = Photo(path=Path("a.png"), image=picture, alpha=alpha)
    assert subject_finder(studio.workplace, "none", "dog")(photo).mask is None
    found = subject_finder(studio.workplace, "alpha", "dog")(photo).mask
    assert found is not None and np.array_equal(np.asarray(found), np.asarray(alpha))
    with pytest.raises(InvalidSetting, match="'magic'"):
        subject_finder(studio.workplace, "magic", "dog")(photo)
