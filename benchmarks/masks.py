"""How good are the masks that are found? On photographs whose subjects were outlined by hand.

    python benchmarks/masks.py

The photographs are DreamBench's, in ../shared/dreambench; `mask_labels.json` has the outlines. A mask is good if its
intersection over union with the outline is above 0.8, partly good above 0.5, and wrong otherwise.
"""

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from lambda_studio.pictures.door import PictureDoor
from lambda_studio.pictures.masks.subject import find_subject, is_doubtful

LABELS = Path(__file__).with_name("mask_labels.json")
PHOTOS = Path(__file__).parents[2] / "shared" / "dreambench"
GOOD, PARTLY = 0.8, 0.5


@dataclass(frozen=True)
class Measured:
    """One photo's mask: its overlap with the outline, whether it was said to be doubtful, and the seconds it took."""

    photo: str
    overlap: float
    doubtful: bool
    seconds: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path, default=PHOTOS, help="DreamBench's folders")
    parser.add_argument("--each", action="store_true", help="also print a line for each photo")
    asked = parser.parse_args()
    print("| | good | partly | wrong | mean | doubtful | of these good | wrong, not said | s a photo |")
    print("|---|---|---|---|---|---|---|---|---|")
    for segment in ("grabcut", "auto"):
        rows = list(measured(segment, asked.photos))
        print(summary(segment, rows), flush=True)
        for row in sorted(rows, key=lambda row: row.overlap) if asked.each else ():
            print(f"    {row.photo:24} {row.overlap:.2f} {'doubtful' if row.doubtful else ''}")


def measured(segment: str, photos: Path) -> Iterator[Measured]:
    """Find the subject of each photo as `studio add-concept` does, and compare it with its outline."""
    with PictureDoor() as door:
        for name, outline in json.loads(LABELS.read_text(encoding="utf-8"))["outlines"].items():
            photo = door.photo(photos / name)
            began = time.perf_counter()
            found = find_subject(photo, segment, door.salience)
            seconds = time.perf_counter() - began
            mask = np.asarray(found.mask or Image.new("L", photo.image.size, 255)) > 0
            drawn = outlined(outline, photo.image.size)
            overlap = (mask & drawn).sum() / (mask | drawn).sum()
            yield Measured(name, float(overlap), is_doubtful(found.warnings), seconds)


def outlined(outline: list[list[int]], size: tuple[int, int]) -> np.ndarray:
    """Return the pixels inside an outline, whose points are in thousandths of the width and height."""
    drawn = Image.new("1", size)
    points = [(x * size[0] / 1000, y * size[1] / 1000) for x, y in outline]
    ImageDraw.Draw(drawn).polygon(points, fill=1)
    return np.asarray(drawn)


def summary(segment: str, rows: list[Measured]) -> str:
    """Return one row of the table."""
    good = [row for row in rows if row.overlap > GOOD]
    wrong = [row for row in rows if row.overlap <= PARTLY]
    doubtful = [row for row in rows if row.doubtful]
    counts = [
        len(good),
        len(rows) - len(good) - len(wrong),
        len(wrong),
        f"{np.mean([row.overlap for row in rows]):.2f}",
    ]
    said = [len(doubtful), sum(row in good for row in doubtful), f"{sum(not row.doubtful for row in wrong)}"]
    cells = [segment, *counts, *said, f"{np.median([row.seconds for row in rows]):.1f}"]
    return f"| {' | '.join(map(str, cells))} |"


if __name__ == "__main__":
    main()
