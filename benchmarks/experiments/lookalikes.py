"""Measure CLIP's similarity of photos of one subject and of different subjects, for the warning on adding.

python benchmarks/experiments/lookalikes.py FOLDER [--stack miniature]

FOLDER is in DreamBench's form: a folder of photos for each subject, and `prompts_and_classes.txt` with the classes. A
subject's photos are split alternately into two halves, as if each half were a concept.
"""

import argparse
import json
import re
import statistics
from itertools import combinations
from pathlib import Path

import numpy as np

from lambda_studio.models.stacks.stack import Stack, resolve_stack
from lambda_studio.pictures.crops import cut_out
from lambda_studio.pictures.files.opening import open_photo
from lambda_studio.pictures.masks.subject import find_mask
from lambda_studio.workflows.subjects.lookalikes import ALIKE


def cosine(one: np.ndarray, other: np.ndarray) -> float:
    """Return the cosine similarity, between -1 and 1."""
    return float(one @ other / (np.linalg.norm(one) * np.linalg.norm(other)))


parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("folder", type=Path)
parser.add_argument("--stack", default="miniature")
arguments = parser.parse_args()

text = (arguments.folder / "prompts_and_classes.txt").read_text(encoding="utf-8")
kinds = dict(re.findall(r"^([\w ]+),([\w ]+)$", text, re.MULTILINE))
clip = Stack(resolve_stack(arguments.stack), on_notice=print).clip(("vision",))
halves: dict[str, tuple[np.ndarray, np.ndarray]] = {}
for folder in sorted(path for path in arguments.folder.iterdir() if path.name in kinds):
    paths = sorted(path for path in folder.iterdir() if path.suffix in (".jpg", ".png"))
    photos = [open_photo(path) for path in paths]
    pictures = [cut_out(photo.image, find_mask(photo), clip.image_size) for photo in photos]
    embeds = clip.encode_images(pictures).float().cpu().numpy()
    halves[folder.name] = (embeds[0::2].mean(0), embeds[1::2].mean(0))

same = {name: cosine(*pair) for name, pair in halves.items()}
whole = {name: np.mean(pair, axis=0) for name, pair in halves.items()}
pairs = {pair: cosine(whole[pair[0]], whole[pair[1]]) for pair in combinations(whole, 2)}
of_one_kind = {pair: value for pair, value in pairs.items() if kinds[pair[0]] == kinds[pair[1]]}


def told(values: list[float]) -> dict[str, float]:
    """Return the spread of some similarities, and the share that would give a warning."""
    spread = {"min": min(values), "median": statistics.median(values), "max": max(values)}
    shares = {f"share >= {level}": sum(value >= level for value in values) / len(values) for level in LEVELS}
    return {"number": len(values)} | {name: round(value, 3) for name, value in (spread | shares).items()}


LEVELS = sorted({0.9, 0.95, 0.97, 0.98, 0.99, ALIKE})
groups = {"same subject, other photos": same, "others of one kind": of_one_kind, "all others": pairs}
print(json.dumps({name: told(list(group.values())) for name, group in groups.items() if group}, indent=1))
nearest = sorted(of_one_kind.items(), key=lambda item: -item[1])[:8]
print(json.dumps({" / ".join(pair): round(value, 3) for pair, value in nearest}, indent=1))
