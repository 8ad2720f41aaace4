"""DreamBooth's folder at a hundredth of its size: photographs of noise, and a file in its authors' notation."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

NOUNS = {"dog": "dog", "cat2": "cat", "vase": "vase"}
OBJECTS = ("a {0} {1} on the toy", "a red {0} {1}")
LIVE = ("a {0} {1} on the toy", "a {0} {1} in a hat")
PHOTOGRAPHS = {"dog": 3, "cat2": 2, "vase": 1}


def in_file(nouns: Mapping[str, str], objects: Sequence[str] = OBJECTS, live: Sequence[str] = LIVE) -> str:
    """Return the text of prompts_and_classes.txt."""
    rows = "\n".join(f"{name},{noun}" for name, noun in nouns.items())
    lists = [",\n".join(f"'{each}'.format(unique_token, class_token)" for each in every) for every in (objects, live)]
    return (
        f"Classes\n\nsubject_name,class\n{rows}\n\nPrompts\n\nObject Prompts\n\nprompt_list = [\n{lists[0]}\n]\n\n"
        f"Live Subject Prompts\n\nprompt_list = [\n{lists[1]}\n]\n"
    )


def write_dreambench(folder: Path, photographs: Mapping[str, int] = PHOTOGRAPHS) -> Path:
    """Write the folder, without photographs of subjects that have none, and return it."""
    folder.mkdir()
    (folder / "prompts_and_classes.txt").write_text(in_file({**NOUNS, "mug": "mug"}), encoding="utf-8")
    for number, (name, count) in enumerate(photographs.items()):
        (folder / name).mkdir()
        for which in range(count):
            write_noise(folder / name / f"{which:02}.png", 10 * number + which)
    return folder


def write_noise(path: Path, seed: int) -> None:
    """Write a picture of noise, another one for each seed."""
    noise = np.random.default_rng(seed).integers(0, 256, (40, 48, 3)).astype(np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(noise).save(path)
