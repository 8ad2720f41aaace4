"""Measure the memory of adding a hundred photographs in one command, without models and with the miniature.

The photographs have 12 megapixels, as phones take them. The peaks are of this process, of the one that opens pictures,
and of one that only imports torch and open_clip, which encoding needs: in MiB, as Linux counts them. Exits with 1 if
this process needs more than LIMIT without models.

    python benchmarks/adding_memory.py [--photos 100] [--segment auto] [--record]
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from measured import add_record_option, record
from PIL import Image

from lambda_studio.studio import Studio

LIMIT = 300
SIZE = (4032, 3024)
ABSENT = 'name = "absent"\nclip = "hf-hub:nobody/clip"\nprior = "nobody/prior"\ndecoder = "nobody/decoder"\n'
"""A stack on the hub that no machine has."""


def take(folder: Path, count: int) -> Path:
    """Write `count` different photographs of an ellipse on noise."""
    folder.mkdir()
    random = np.random.default_rng(0)
    y, x = np.mgrid[-1:1:96j, -1:1:128j]
    for number in range(count):
        ground = random.integers(0, 90, (96, 128, 3))
        inside = (x / random.uniform(0.3, 0.7)) ** 2 + (y / random.uniform(0.4, 0.8)) ** 2 < 1
        pixels = np.where(inside[..., None], random.integers(90, 256, 3), ground).astype(np.uint8)
        Image.fromarray(pixels).resize(SIZE, Image.Resampling.BICUBIC).save(folder / f"{number}.jpg", quality=90)
    return folder


def peak(process: int | str = "self") -> int:
    """Return the peak of a process's resident memory, in MiB."""
    status = Path(f"/proc/{process}/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) // 1024


def forget_peak() -> None:
    """Begin to count this process's peak anew."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def added(home: Path, stack: str, photos: Path, segment: str) -> dict[str, int]:
    """Add the photographs to a new library, and return the peaks of both processes."""
    forget_peak()
    with Studio(home, stack=stack) as studio:
        answer = studio.concepts.add("rex", [photos], noun="thing", segment=segment)
        opener = studio.workplace.door.pid
        peaks = {"this process": peak(), "the process that opens pictures": peak(opener or "self")}
    assert bool(answer.not_encoded) == ("torch" not in sys.modules), answer.not_encoded
    return peaks


def of_imports() -> int:
    """Return the peak of a process that imports torch and open_clip, and does nothing."""
    asked = "import torch, open_clip, pathlib; print(pathlib.Path('/proc/self/status').read_text())"
    status = subprocess.run([sys.executable, "-P", "-c", asked], check=True, capture_output=True, text=True).stdout
    return int(status.partition("VmHWM:")[2].split()[0]) // 1024


parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--photos", type=int, default=100)
parser.add_argument("--segment", default="auto")
add_record_option(parser)
arguments = parser.parse_args()

with tempfile.TemporaryDirectory() as folder:
    photos = take(Path(folder) / "photos", arguments.photos)
    (Path(folder) / "absent.toml").write_text(ABSENT, encoding="utf-8")
    without = added(Path(folder) / "home", str(Path(folder) / "absent.toml"), photos, arguments.segment)
    encoded = added(Path(folder) / "other", "miniature", photos, arguments.segment)

answer = {
    "photographs": arguments.photos,
    "without-models": without["this process"],
    "opening-pictures": without["the process that opens pictures"],
    "with-miniature": encoded["this process"],
    "torch-and-open-clip": of_imports(),
}
print(json.dumps(answer, indent=1))
if arguments.record:
    record("adding-memory", "MiB", answer)
sys.exit(without["this process"] > LIMIT)
