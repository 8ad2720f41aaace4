"""Write a miniature DreamBench: held-out subjects, their photographs, prompts, and the expected content.

The folders and the prompt file have DreamBench's own format, so that the same code reads both. Two more files have the
prompts for several subjects and the ground truth, which DreamBench does not have.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import count, islice
from pathlib import Path

import numpy as np
import torch
from einops import rearrange
from PIL import Image

from lambda_studio.miniature.world.figures import FIGURES, PATTERNS
from lambda_studio.miniature.world.identities import COLOURS, NOUNS, Identity, identities, in_every_slot
from lambda_studio.miniature.world.rendering import render
from lambda_studio.miniature.world.scenes import scenes
from lambda_studio.miniature.world.seeding import seeded
from lambda_studio.progress import Progress, silent

SUBJECTS = 30
REFERENCES = (4, 5, 6)
"""The numbers of photographs of the subjects, in turn."""
PIXELS = 256
SEED = 30


@dataclass(frozen=True, kw_only=True)
class Prompt:
    """A prompt in DreamBench's form, and the expected content. `{0} {1}` is a subject's token and class."""

    text: str
    place: str | None = None
    worn: str | None = None
    worn_colour: str | None = None
    company: str | None = None


PROMPTS = (
    Prompt(text="a {0} {1} on the beach", place="beach"),
    Prompt(text="a {0} {1} in a meadow", place="meadow"),
    Prompt(text="a {0} {1} in the snow", place="snow"),
    Prompt(text="a {0} {1} on a city street", place="city"),
    Prompt(text="a {0} {1} in the desert", place="desert"),
    Prompt(text="a {0} {1} in the forest", place="forest"),
    Prompt(text="a {0} {1} on a wooden floor", place="room"),
    Prompt(text="a {0} {1} on the moon", place="moon"),
    Prompt(text="a {0} {1} on green grass with flowers around it", place="meadow"),
    Prompt(text="a {0} {1} with a snowy mountain in the background", place="snow"),
    Prompt(text="a {0} {1} on a sand dune at sunset", place="desert"),
    Prompt(text="a {0} {1} with the sea in the background", place="beach"),
    Prompt(text="a {0} {1} wearing a hat on the beach", place="beach", worn="hat"),
    Prompt(text="a {0} {1} wearing a crown in the city", place="city", worn="crown"),
    Prompt(text="a {0} {1} wearing a scarf in the snow", place="snow", worn="scarf"),
    Prompt(text="a {0} {1} wearing glasses in a room", place="room", worn="glasses"),
    Prompt(text="a {0} {1} holding a balloon in a meadow", place="meadow", worn="balloon"),
    Prompt(text="a {0} {1} wearing a bow in the forest", place="forest", worn="bow"),
    Prompt(text="a {0} {1} wearing a red hat in the snow", place="snow", worn="hat", worn_colour="red"),
    Prompt(text="a {0} {1} wearing a blue scarf in the desert", place="desert", worn="scarf", worn_colour="blue"),
    Prompt(text="a {0} {1} holding a yellow balloon on the moon", place="moon", worn="balloon", worn_colour="yellow"),
    Prompt(text="a {0} {1} beside a car in the city", place="city", company="car"),
    Prompt(text="a {0} {1} on top of a backpack on the beach", place="beach", company="backpack"),
    Prompt(text="a {0} {1} in front of a clock in a room", place="room", company="clock"),
    Prompt(text="a {0} {1} chasing a bird in a meadow", place="meadow", company="bird"),
)
MULTI_SUBJECT = {
    "beside": "a {0} beside a {1}", "on top of": "a {0} on top of a {1}", "in front of": "a {0} in front of a {1}",
    "chasing": "a {0} chasing a {1}", "three": "a {0}, a {1} and a {2}",
}  # fmt: skip
MULTI_PLACES = {"beach": "on the beach", "snow": "in the snow", "city": "in the city", "forest": "in the forest"}


@dataclass(frozen=True)
class Bench:
    """The result of `write_bench`."""

    folder: Path
    subjects: tuple[str, ...]
    images: int
    prompts: int
    multi_subject_prompts: int


def bench_subjects() -> dict[str, Identity]:
    """Return the subjects by name, `dog dog2 dog3 …` as in DreamBench. Subjects of a noun have distinct looks."""
    found: dict[str, Identity] = {}
    nouns = [noun for _, noun in zip(range(SUBJECTS), _in_turn(tuple(FIGURES)), strict=False)]
    for noun in dict.fromkeys(nouns):
        pool = identities(64, seeded(SEED, "bench", noun), held_out=True, nouns=(noun,))
        looks = list(zip(pool.main.tolist(), pool.second.tolist(), pool.pattern.tolist(), strict=True))
        distinct = [looks.index(look) for look in dict.fromkeys(looks)][: nouns.count(noun)]
        for number, row in enumerate(distinct, start=1):
            found[noun.replace(" ", "_") + (str(number) if number > 1 else "")] = pool[row : row + 1]
    return found


def write_bench(folder: Path, progress: Progress = silent) -> Bench:
    """Write the subjects' photographs, the prompts and the truth into the empty `folder`."""
    subjects, images = bench_subjects(), 0
    with progress("Drawing subjects", len(subjects)) as advance:
        for (name, who), number in zip(subjects.items(), _in_turn(REFERENCES), strict=False):
            images += _photograph(name, who, number, folder / name)
            advance()
    multi = list(multi_subject_prompts(tuple(subjects)))
    (folder / "prompts_and_classes.txt").write_text(_prompts_and_classes(subjects), encoding="utf-8")
    _write_json(folder / "multi_subject_prompts.json", multi)
    truth = {
        "subjects": {name: _looks(who) for name, who in subjects.items()},
        "prompts": [asdict(prompt) for prompt in PROMPTS],
    }
    _write_json(folder / "truth.json", truth)
    return Bench(folder, tuple(subjects), images, len(PROMPTS), len(multi))


def _in_turn(values: tuple) -> Iterator:
    return (values[i % len(values)] for i in count())


def _photograph(name: str, who: Identity, number: int, folder: Path) -> int:
    """Write pictures of one subject, alone and undressed, each in another place. Return their number."""
    alone = torch.zeros(number, dtype=torch.int64)
    cast = in_every_slot(who[alone])
    scene = scenes(number, seeded(SEED, "photographs", name), who=cast, relation=alone, worn_share=0.0)
    folder.mkdir()
    for row, image in enumerate(render(scene, PIXELS).images):
        pixels = rearrange((image * 255).round().byte(), "c h w -> h w c").numpy()
        Image.fromarray(np.ascontiguousarray(pixels)).save(folder / f"{row:02}.jpg", quality=95, subsampling=0)
    return number


def _looks(who: Identity) -> dict[str, str]:
    colours = tuple(COLOURS)
    return {
        "noun": NOUNS[int(who.noun)],
        "main": colours[int(who.main)],
        "second": colours[int(who.second)],
        "pattern": PATTERNS[int(who.pattern)],
    }


def _prompts_and_classes(subjects: dict[str, Identity]) -> str:
    """Return DreamBench's prompt file: a table of classes, and the prompts for objects and for live subjects."""
    classes = "".join(f"{name},{NOUNS[int(who.noun)]}\n" for name, who in subjects.items())
    lines = ",\n".join(f"'{prompt.text}'.format(unique_token, class_token)" for prompt in PROMPTS)
    prompts = f"prompt_list = [\n{lines}\n]\n"
    return (
        f"Classes\n\nsubject_name,class\n{classes}\n"
        f"Prompts\n\nObject Prompts\n\n{prompts}\nLive Subject Prompts\n\n{prompts}"
    )


def multi_subject_prompts(names: tuple[str, ...]) -> Iterator[dict]:
    """Yield prompts for two and three subjects of different nouns, in every relation and place."""
    starts = islice(_in_turn(names), 0, None, 7)
    for relation, words in MULTI_SUBJECT.items():
        for place, phrase in MULTI_PLACES.items():
            first = names.index(next(starts))
            # neighbours in the list may share a noun; subjects four apart never do
            chosen = [names[(first + 4 * i) % len(names)] for i in range(3 if relation == "three" else 2)]
            yield {"subjects": chosen, "prompt": f"{words} {phrase}", "relation": relation, "place": place}


def _write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")
