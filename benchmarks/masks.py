"""How good are the masks that are found? On photographs whose subjects were outlined by hand.

    python benchmarks/masks.py [--smaller 320] [--record]

The photographs are DreamBench's, in ../shared/dreambench; `mask_labels.json` has the outlines. A mask is good if its
intersection over union with the outline is above 0.8, partly good above 0.5, and wrong otherwise. `--smaller` measures
copies as messengers send them: smaller, and as JPEG of the quality 35.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw

from lambda_studio.pictures.door import PictureDoor
from lambda_studio.pictures.masks.marked import subject_at, subject_in_box
from lambda_studio.pictures.masks.marks import Box, Point
from lambda_studio.pictures.masks.subject import find_subject, is_doubtful

LABELS = Path(__file__).with_name("mask_labels.json")
PHOTOS = Path(__file__).parents[2] / "shared" / "dreambench"
GOOD, PARTLY = 0.8, 0.5
WAYS = ("grabcut", "auto", "box", "point")


@dataclass(frozen=True)
class Measured:
    """One photo's mask: its overlap with the outline, whether it was said to be doubtful, and the seconds it took."""

    photo: str
    overlap: float
    doubtful: bool
    seconds: float


def main() -> None:
    from measured import add_record_option, record  # here, because tests import this module as a part of a package

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path, default=PHOTOS, help="DreamBench's folders")
    parser.add_argument("--each", action="store_true", help="also print a line for each photo")
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=WAYS, help="measure only these")
    parser.add_argument("--smaller", type=int, metavar="SIDE", help="measure copies of at most this side")
    add_record_option(parser)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = tabled(asked, smaller(asked.photos, Path(folder), asked.smaller) if asked.smaller else asked.photos)
    if asked.record:
        name = f"masks-{asked.smaller}" if asked.smaller else "masks"
        record(name, "photographs; mean: intersection over union; seconds of a photo", found)


def tabled(asked: argparse.Namespace, photos: Path) -> dict[str, dict[str, float]]:
    """Print a row for each way, and return the numbers."""
    print("| | good | partly | wrong | mean | doubtful | of these good | wrong, not said | s a photo |")
    print("|---|---|---|---|---|---|---|---|---|")
    found = {}
    for segment in asked.ways:
        rows = list(measured(segment, photos))
        found[segment] = counts(rows)
        print(summary(segment, found[segment]), flush=True)
        for row in sorted(rows, key=lambda row: row.overlap) if asked.each else ():
            print(f"    {row.photo:24} {row.overlap:.2f} {'doubtful' if row.doubtful else ''}")
    return found


def smaller(photos: Path, folder: Path, side: int) -> Path:
    """Write a smaller copy of each photo into a folder, which is returned."""
    for name in json.loads(LABELS.read_text(encoding="utf-8"))["outlines"]:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        with Image.open(photos / name) as photo:
            copy = photo.convert("RGB")
        copy.thumbnail((side, side))
        copy.save(folder / name, "JPEG", quality=35)
    return folder


def measured(segment: str, photos: Path) -> Iterator[Measured]:
    """Find the subject of each photo as `studio add-concept` does, and compare it with its outline.

    `box` and `point` are corrections: a box around the outline, and its innermost point.
    """
    with PictureDoor() as door:
        for name, outline in json.loads(LABELS.read_text(encoding="utf-8"))["outlines"].items():
            photo = door.photo(photos / name)
            began = time.perf_counter()
            drawn = outlined(outline, photo.image.size)
            if segment == "box":
                found = subject_in_box(photo, box_around(drawn), door.salience)
            elif segment == "point":
                found = subject_at(photo, point_within(drawn), door.salience)
            else:
                found = find_subject(photo, segment, door.salience)
            seconds = time.perf_counter() - began
            mask = np.asarray(found.mask or Image.new("L", photo.image.size, 255)) > 0
            overlap = (mask & drawn).sum() / (mask | drawn).sum()
            yield Measured(name, float(overlap), is_doubtful(found.warnings), seconds)


def outlined(outline: list[list[int]], size: tuple[int, int]) -> np.ndarray:
    """Return the pixels inside an outline, whose points are in thousandths of the width and height."""
    drawn = Image.new("1", size)
    points = [(x * size[0] / 1000, y * size[1] / 1000) for x, y in outline]
    ImageDraw.Draw(drawn).polygon(points, fill=1)
    return np.asarray(drawn)


def box_around(drawn: np.ndarray) -> Box:
    """Return a box around an outline, 5 % larger on each side, as a user would draw it."""
    (top, bottom), (left, right) = ((axis.min(), axis.max() + 1) for axis in np.nonzero(drawn))
    aside, down = round(0.05 * (right - left)), round(0.05 * (bottom - top))
    left, top = max(0, left - aside), max(0, top - down)
    right, bottom = min(drawn.shape[1], right + aside), min(drawn.shape[0], bottom + down)
    return Box(int(left), int(top), int(right - left), int(bottom - top))


def point_within(drawn: np.ndarray) -> Point:
    """Return the point of an outline that is farthest from its edge."""
    depth = cv2.distanceTransform(np.pad(drawn, 1).astype(np.uint8), cv2.DIST_L2, 5)[1:-1, 1:-1]
    y, x = np.unravel_index(depth.argmax(), depth.shape)
    return Point(int(x), int(y))


def counts(rows: Sequence[Measured]) -> dict[str, float]:
    """Return the numbers of one way: photographs, the mean overlap, and the median of the seconds."""
    good = [row for row in rows if row.overlap > GOOD]
    wrong = [row for row in rows if row.overlap <= PARTLY]
    doubtful = [row for row in rows if row.doubtful]
    return {
        "good": len(good),
        "partly": len(rows) - len(good) - len(wrong),
        "wrong": len(wrong),
        "mean": round(float(np.mean([row.overlap for row in rows])), 3),
        "doubtful": len(doubtful),
        "good-doubtful": sum(row in good for row in doubtful),
        "wrong-not-said": sum(not row.doubtful for row in wrong),
        "seconds": round(float(np.median([row.seconds for row in rows])), 2),
    }


def summary(segment: str, counted: Mapping[str, float]) -> str:
    """Return one row of the table."""
    shown = [
        f"{number:.2f}" if key == "mean" else f"{number:.1f}" if key == "seconds" else f"{number}"
        for key, number in counted.items()
    ]
    return f"| {' | '.join([segment, *shown])} |"


if __name__ == "__main__":
    main()
