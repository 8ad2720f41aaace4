"""Compare opening pictures in an isolated process with opening them in this process.

The two alternate picture by picture, so that other load on the machine affects both. The output is ratios.

    python benchmarks/door_overhead.py --pictures 30 --side 1024 [--record]
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
from measured import add_record_option, record
from PIL import Image

from lambda_studio.pictures.door import PictureDoor
from lambda_studio.pictures.files.opening import open_photo


def timed(work: Callable[[], object]) -> float:
    """Return the seconds that `work` takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--pictures", type=int, default=30)
parser.add_argument("--side", type=int, default=1024)
add_record_option(parser)
arguments = parser.parse_args()

with tempfile.TemporaryDirectory() as folder, PictureDoor() as door:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    path = Path(folder) / "photo.jpg"
    Image.fromarray(noise).resize((arguments.side, arguments.side), Image.Resampling.BICUBIC).save(path, quality=92)
    start = timed(lambda: door.photo(path))
    pairs = [(timed(lambda: door.photo(path)), timed(lambda: open_photo(path))) for _ in range(arguments.pictures)]
    through, here = (median(times) for times in zip(*pairs, strict=True))

ratios = {"picture": round(through / here, 2), "start": round((start - through) / here, 1)}
answer = {
    "pictures": arguments.pictures,
    "side": arguments.side,
    "a picture through the door, to one in this process": ratios["picture"],
    "starting the process, in pictures opened here": ratios["start"],
}
print(json.dumps(answer, indent=1))
if arguments.record:
    record("door-overhead", "times of opening one picture in this process", ratios)
