"""Keep what a reader saw in the pictures, with the weights and pictures that the labels belong to."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from concepts.durable import file_sha256

from .looks import Content, parsed

MOST_APART = 4.0
"""How far the mean colour of a picture may lie from that of the picture that was labelled, of 255."""


@dataclass(frozen=True)
class Labels:
    """The labels of all pictures in order, the hash of the weights that drew them, and each picture's mean colour."""

    contents: tuple[Content, ...]
    weights: str
    means: tuple[tuple[float, ...], ...]


def load_labels(path: Path) -> Labels:
    """Read a file of labels. Raises ValueError for an answer that is not one of the world's."""
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return Labels(
        tuple(parsed(row) for row in found["labels"].values()),
        found["weights"],
        tuple(tuple(mean) for mean in found["means"]),
    )


def weights_sha256(folder: Path) -> str:
    """Return one hash of all weights of a folder but the oracle's. Labels outlive an oracle."""
    files = sorted(path for path in folder.rglob("*.safetensors") if "oracle" not in path.parts)
    lines = [f"{path.relative_to(folder).as_posix()} {file_sha256(path)}" for path in files]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def mean_colour(picture: Image.Image) -> list[float]:
    """Return the mean red, green and blue of a picture, 0..255."""
    return np.asarray(picture.convert("RGB"), dtype=float).mean((0, 1)).round(1).tolist()


def require_labelled(labels: Labels, weights: str, pictures: Sequence[Image.Image]) -> None:
    """Raise ValueError if these are not the pictures that were labelled."""
    if labels.weights != weights:
        raise ValueError(f"The labels are of pictures from the weights {labels.weights}, not {weights}. Label again.")
    if len(labels.means) != len(pictures):
        raise ValueError(f"{len(labels.means)} pictures have labels, and {len(pictures)} were drawn. Label again.")
    apart = np.abs(np.array(labels.means) - [mean_colour(picture) for picture in pictures]).max(1)
    if others := np.flatnonzero(apart > MOST_APART).tolist():
        raise ValueError(f"The pictures {others} are not those that were labelled. Label again.")


def written(about: Mapping[str, Any], means: Sequence[Sequence[float]], rows: Sequence[Sequence]) -> str:
    """Return a file of labels, with one picture in each line."""
    head = json.dumps(about, indent=1)[:-2]
    lines = ",\n".join(f'  "{number:03}": {json.dumps(row)}' for number, row in enumerate(rows))
    return f'{head},\n "means": {json.dumps([list(mean) for mean in means])},\n "labels": {{\n{lines}\n }}\n}}\n'
