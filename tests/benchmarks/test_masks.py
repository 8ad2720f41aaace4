"""The table of masks: what is counted as good, and that every photo has an outline."""

import json

import numpy as np
from PIL import Image

from benchmarks.masks import LABELS, PHOTOS, Measured, counts, outlined, smaller, summary


def test_every_photograph_has_an_outline_and_no_other_file_does() -> None:
    outlines = json.loads(LABELS.read_text(encoding="utf-8"))["outlines"]
    assert sorted(outlines) == sorted(str(path.relative_to(PHOTOS)) for path in PHOTOS.glob("*/*.jpg"))
    shares = [outlined(outline, (320, 320)).mean() for outline in outlines.values()]
    assert min(shares) > 0.02 and max(shares) < 0.7


def test_an_outline_is_filled() -> None:
    square = outlined([[250, 500], [750, 500], [750, 1000], [250, 1000]], (40, 20))
    assert square.shape == (20, 40)
    assert np.array_equal(np.argwhere(square)[0], [10, 10]) and 180 <= square.sum() <= 231


def test_a_row_counts_masks_by_their_overlap_and_what_was_not_said() -> None:
    rows = [
        Measured("a", 0.9, False, 1.0),
        Measured("b", 0.9, True, 1.0),
        Measured("c", 0.7, False, 2.0),
        Measured("d", 0.5, False, 3.0),
        Measured("e", 0.1, True, 3.0),
    ]
    assert summary("auto", counts(rows)) == "| auto | 2 | 1 | 2 | 0.62 | 2 | 1 | 1 | 2.0 |"


def test_smaller_copies_have_the_photographs_names_and_shapes(tmp_path) -> None:
    copies = sorted(smaller(PHOTOS, tmp_path, 32).glob("*/*.jpg"))
    assert [path.relative_to(tmp_path) for path in copies] == sorted(
        path.relative_to(PHOTOS) for path in PHOTOS.glob("*/*.jpg")
    )
    for path in copies:
        with Image.open(path) as copy, Image.open(PHOTOS / path.relative_to(tmp_path)) as photo:
            assert max(copy.size) == 32 and abs(copy.width / copy.height - photo.width / photo.height) < 0.1
