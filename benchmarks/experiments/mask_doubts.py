"""How well do thresholds for doubtful masks work on subjects that they were not chosen on?

    python benchmarks/experiments/mask_doubts.py

For every half of the subjects, the thresholds are chosen that find all of its wrong masks with the fewest good ones
alarmed of. They are counted on the other half.
"""

import json
from itertools import combinations, product

import numpy as np
from PIL import Image

from benchmarks.masks import GOOD, LABELS, PARTLY, PHOTOS, outlined
from lambda_studio.pictures.door import PictureDoor
from lambda_studio.pictures.masks.grabcut import grabcut
from lambda_studio.pictures.masks.regions import overlap
from lambda_studio.pictures.masks.salience_maps import measures, salient_subject
from lambda_studio.pictures.masks.saliency import SIDE

UNDECIDED = (0.08, 0.11, 0.14, 0.17, 0.2, 0.25, 0.3, 0.4)
LEFT_OUT = (0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4)
AT_BORDER = (0.01, 0.02, 0.05, 0.1, 0.2)
AGREES = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
"""The thresholds to choose from, around those in `salience_maps`."""


def main() -> None:
    subjects, overlaps, values = measured()
    said = np.array([doubted(values, *each) for each in product(UNDECIDED, LEFT_OUT, AT_BORDER, AGREES)])
    wrong, good = overlaps <= PARTLY, overlaps > GOOD
    counts = np.zeros((2, 2))
    for half in combinations(sorted({*subjects}), len({*subjects}) // 2):
        chosen = np.isin(subjects, half)
        missed = (~said[:, chosen & wrong]).sum(axis=1)
        best = said[np.lexsort((said[:, chosen & good].sum(axis=1), missed))[0]]
        for row, which in enumerate((wrong, good)):
            counts[row] += best[~chosen & which].sum(), (~chosen & which).sum()
    found, alarms = counts[:, 0] / counts[:, 1]
    print(f"On other subjects, {found:.0%} of the wrong masks are said, and {alarms:.0%} of the good ones.")


def measured() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return each photo's subject, its mask's overlap with the outline, and its four measures."""
    rows = []
    with PictureDoor() as door:
        for name, outline in json.loads(LABELS.read_text(encoding="utf-8"))["outlines"].items():
            image = door.photo(PHOTOS / name).image
            found = np.asarray(door.salience(image))
            mask, small = salient_subject(found, image.size)
            by_colour = grabcut(np.asarray(image.resize((SIDE, SIDE), Image.Resampling.BOX)))
            values = (*measures(found, small), overlap(small, by_colour))
            rows.append((name.partition("/")[0], overlap(mask, outlined(outline, image.size)), values))
    subjects, overlaps, measured_values = zip(*rows, strict=True)
    return np.array(subjects), np.array(overlaps), np.array(measured_values)


def doubted(values: np.ndarray, undecided: float, left_out: float, at_border: float, agrees: float) -> np.ndarray:
    """Return which masks these thresholds call doubtful."""
    at_edge = (values[:, 2] > at_border) & (values[:, 3] < agrees)
    return (values[:, 0] > undecided) | (values[:, 1] > left_out) | at_edge


if __name__ == "__main__":
    main()
