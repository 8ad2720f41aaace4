"""Do the colours of one subject's cut-outs tell which of its masks is wrong? On photographs outlined by hand.

    python benchmarks/experiments/mask_agreement.py

A mask agrees by the median overlap of its Lab histogram with those of the subject's other cut-outs. The threshold is
chosen on half of the subjects and counted on the other half, for every half of them.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations

import cv2
import numpy as np

from benchmarks.masks import GOOD, LABELS, PARTLY, PHOTOS, outlined
from lambda_studio.pictures.door import PictureDoor
from lambda_studio.pictures.masks.subject import find_subject, is_doubtful

SIDE = 256


@dataclass(frozen=True)
class Cut:
    """One photo's mask: its overlap with the outline, whether it was said to be doubtful, and its colours."""

    subject: str
    overlap: float
    doubtful: bool
    colours: np.ndarray


def main() -> None:
    cuts = measured()
    scored = [(cut, agreement(cut, cuts)) for cut in cuts]
    wrong = [cut for cut in cuts if cut.overlap <= PARTLY]
    good = [cut for cut in cuts if cut.overlap > GOOD]
    print("| said to be doubtful | of the wrong | of the good |\n|---|---|---|")
    said = [sum(cut.doubtful for cut in some) / len(some) for some in (wrong, good)]
    print(f"| by the map of each photo | {said[0]:.0%} | {said[1]:.0%} |")
    found, alarms = held_out(scored)
    print(f"| by agreement, held out | {found:.0%} | {alarms:.0%} |")


def measured() -> list[Cut]:
    """Find the subject of each photo as `studio add-concept` does."""
    cuts = []
    with PictureDoor() as door:
        for name, outline in json.loads(LABELS.read_text(encoding="utf-8"))["outlines"].items():
            photo = door.photo(PHOTOS / name)
            found = find_subject(photo, "auto", door.salience)
            mask, drawn = np.asarray(found.mask) > 0, outlined(outline, photo.image.size)
            overlap = float((mask & drawn).sum() / (mask | drawn).sum())
            colours = histogram(np.asarray(photo.image), mask)
            cuts.append(Cut(name.partition("/")[0], overlap, is_doubtful(found.warnings), colours))
    return cuts


def histogram(pixels: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Return the Lab histogram of a cut-out (8 bins an axis), whose sum is 1."""
    scale = SIDE / max(mask.shape)
    size = round(mask.shape[1] * scale), round(mask.shape[0] * scale)
    small = cv2.cvtColor(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2LAB)
    inside = cv2.resize(mask.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0
    counts = np.histogramdd(small[inside].astype(int) // 32, bins=8, range=((0, 8),) * 3)[0].ravel()
    return counts / counts.sum()


def agreement(cut: Cut, cuts: list[Cut]) -> float:
    others = [other for other in cuts if other.subject == cut.subject and other is not cut]
    return float(np.median([np.minimum(cut.colours, other.colours).sum() for other in others]))


def held_out(scored: list[tuple[Cut, float]]) -> tuple[float, float]:
    """Return which share of the wrong masks is found, and of the good ones is alarmed of, on subjects not chosen on."""
    subjects = sorted({cut.subject for cut, _ in scored})
    counts = np.zeros((2, 2))
    for half in combinations(subjects, len(subjects) // 2):
        chosen = [each for each in scored if each[0].subject in half]
        rest = [each for each in scored if each[0].subject not in half]
        threshold = max(sorted({score for _, score in chosen}), key=gain_on(chosen))
        for row, is_one in enumerate((lambda cut: cut.overlap <= PARTLY, lambda cut: cut.overlap > GOOD)):
            scores = [score for cut, score in rest if is_one(cut)]
            counts[row] += sum(score <= threshold for score in scores), len(scores)
    found, alarms = counts[:, 0] / counts[:, 1]
    return float(found), float(alarms)


def gain_on(chosen: list[tuple[Cut, float]]) -> Callable[[float], float]:
    """Return the function that says how much better a threshold finds wrong masks than it alarms of others."""
    wrong = [score for cut, score in chosen if cut.overlap <= PARTLY]
    right = [score for cut, score in chosen if cut.overlap > PARTLY]

    def gain(threshold: float) -> float:
        return float(np.mean([s <= threshold for s in wrong] or [0]) - np.mean([s <= threshold for s in right]))

    return gain


if __name__ == "__main__":
    main()
