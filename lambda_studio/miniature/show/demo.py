"""Run `studio demo`: from photographs to pictures by name on the miniature, before and after fine-tuning.

The demo uses the public use cases of the commands. It draws only the photographs itself. The miniature's oracle reads
the results, because the ground truth of the drawn world is known.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from statistics import fmean

import numpy as np
import torch
from einops import rearrange
from PIL import Image
from torch import Tensor

from lambda_studio.config import FinetuneConfig, GenerateConfig
from lambda_studio.miniature.judge.oracle import identity_of
from lambda_studio.miniature.judge.reader import Reader, load_reader
from lambda_studio.miniature.show.contact_sheet import Row, draw_sheet
from lambda_studio.miniature.world.figures import PATTERNS, WORN
from lambda_studio.miniature.world.identities import NOTHING, SLOTS, Identity, identities, in_every_slot
from lambda_studio.miniature.world.places import PLACES
from lambda_studio.miniature.world.rendering import SEEN, render
from lambda_studio.miniature.world.scenes import Scene, scenes
from lambda_studio.miniature.world.seeding import seeded
from lambda_studio.progress import Progress, silent, unheard
from lambda_studio.studio import Studio

REFERENCES = 5
REFERENCE_PIXELS = 256
STEPS = 500
PER_PROMPT = 4
INFERENCE_STEPS = 20
"""Fewer than the stack's 50: the demo is for people who wait. The model card's figures were read at 8."""
IDENTITY_SEED = 3
"""The seed of the demo's subjects. `seed` varies photographs, pictures and training."""


@dataclass(frozen=True)
class Asked:
    """A prompt and its expected content: names by slot, the place, the worn thing of the first name."""

    prompt: str
    names: tuple[str, ...]
    place: str
    worn: str | None = None


SUBJECTS = {"rex": "dog", "pip": "teapot", "bolt": "robot"}
"""The demo's concepts and their nouns."""
PROMPTS = (
    Asked("a <rex> wearing a hat on the beach", ("rex",), "beach", "hat"),
    Asked("a <pip> in the snow", ("pip",), "snow"),
    Asked("a <bolt> holding a balloon in the city", ("bolt",), "city", "balloon"),
    Asked("a <rex> wearing glasses in the forest", ("rex",), "forest", "glasses"),
    Asked("a <rex> beside a <pip> in a meadow", ("rex", "pip"), "meadow"),
    Asked("a <bolt> and a <rex> on the moon", ("bolt", "rex"), "moon"),
)


@dataclass(frozen=True)
class Scores:
    """The oracle's readings, as means over the prompts.

    `details` is the share of subjects whose two parts have the right colours, which no prompt names. `identity`
    is the cosine similarity of the subjects' identity embeddings with those of their reference photographs. `both_main`
    is the share of pictures of two subjects in which each has its noun and its own main colour. For `both_looks` each
    needs its pattern too. The other values are shares of right answers. `composition` is the mean of
    noun, place and worn thing.
    """

    identity: float
    details: float
    main: float
    noun: float
    place: float
    worn: float
    composition: float
    both_main: float
    both_looks: float


@dataclass(frozen=True)
class DemoResult:
    """The demo's files, and its scores before and after fine-tuning."""

    contact_sheet: Path
    scores: Path
    folder: Path
    before: Scores
    after: Scores


def run_demo(
    home: Path,
    out: Path,
    notify: Callable[[str], None] = unheard,
    progress: Progress = silent,
    seed: int = 7,
    steps: int = STEPS,
    num_inference_steps: int = INFERENCE_STEPS,
) -> DemoResult:
    """Run the demo with the registry in `home` and the pictures in `out`."""
    drawing = GenerateConfig(num_inference_steps=num_inference_steps)
    who = {name: subject_of(name) for name in SUBJECTS}
    photos = {name: _photographs(who[name], out / "photos" / name, seed) for name in who}
    with Studio(home, stack="miniature", notify=notify, progress=progress) as studio:
        for name, noun in SUBJECTS.items():
            studio.concepts.add(name, photos[name], noun=noun)
        drawn = {"before": _draw_all(studio, out / "before", "none", replace(drawing, seed=seed), notify)}
        studio.finetune(tuple(SUBJECTS), FinetuneConfig(steps=steps, seed=seed, preview_every=0))
        drawn["after"] = _draw_all(studio, out / "after", "auto", replace(drawing, seed=seed), notify)
    reader = load_reader()
    likenesses = {name: _likeness(photos[name], who[name], reader) for name in who}
    measured = {when: _score(pictures, who, likenesses, reader) for when, pictures in drawn.items()}
    sheet = out / "contact-sheet.png"
    _sheet(photos, drawn, measured, steps).save(sheet)
    scores = out / "scores.json"
    report = {when: asdict(score) for when, score in measured.items()}
    scores.write_text(
        json.dumps({"seed": seed, "steps": steps, "pictures": PER_PROMPT * len(PROMPTS), **report}, indent=1) + "\n"
    )
    return DemoResult(sheet, scores, out, measured["before"], measured["after"])


def subject_of(name: str) -> Identity:
    """Return the subject of a name in `SUBJECTS`: held out, with a pattern, so that its identity is visible."""
    pool = identities(64, seeded(IDENTITY_SEED, "demo", name), held_out=True, nouns=(SUBJECTS[name],))
    told = [PATTERNS.index(pattern) for pattern in ("striped", "spotted", "checked")]
    return pool[torch.isin(pool.pattern, torch.tensor(told)).nonzero()[:1, 0]]


def _cast(people: list[Identity]) -> Identity:
    """Return one row of slots: the given subjects, then empty slots."""
    row = {f.name: torch.stack([getattr(p, f.name)[0] for p in people]) for f in fields(Identity)}
    padded = {k: torch.cat([v, v[:1].expand(SLOTS - len(v), *v.shape[1:])])[None] for k, v in row.items()}
    padded["noun"][:, len(people) :] = NOTHING
    return Identity(**padded)


def _photographs(who: Identity, folder: Path, seed: int) -> list[Path]:
    """Write pictures of one subject, alone and undressed, each in another place."""
    rows = torch.zeros(REFERENCES, dtype=torch.int64)
    cast = in_every_slot(who[rows])
    scene = scenes(REFERENCES, seeded(seed, "photographs", folder.name), who=cast, relation=rows, worn_share=0.0)
    return _write(render(scene, REFERENCE_PIXELS).images, folder)


def _write(images: Tensor, folder: Path) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{i:02}.png" for i in range(len(images))]
    for path, image in zip(paths, images, strict=True):
        pixels = rearrange((image * 255).round().byte(), "c h w -> h w c").numpy()
        Image.fromarray(np.ascontiguousarray(pixels)).save(path)
    return paths


def _draw_all(
    studio: Studio, out: Path, adapter: str, config: GenerateConfig, notify: Callable[[str], None]
) -> list[list[Path]]:
    """Draw every prompt, each with seeds of its own."""
    drawn, first = [], config.seed or 0
    for i, asked in enumerate(PROMPTS):
        notify(f"Prompt {i + 1} of {len(PROMPTS)}: {asked.prompt}")
        own = replace(config, seed=first + 100 * i)
        drawn.append(studio.generate(asked.prompt, own, count=PER_PROMPT, adapter=adapter, out=out))
    return [[picture.path for picture in each.pictures] for each in drawn]


def _scene_of(asked: Asked, who: dict[str, Identity], count: int) -> Scene:
    """Return the expected scenes of a prompt's pictures."""
    rows = torch.zeros(count, dtype=torch.int64)
    cast = _cast([who[name] for name in asked.names])[rows]
    scene = scenes(count, seeded(0, asked.prompt), who=cast, relation=rows, worn_share=0.0)
    worn = torch.full((count, SLOTS), NOTHING)
    if asked.worn:
        worn[:, 0] = list(WORN).index(asked.worn)
    place = torch.full((count,), list(PLACES).index(asked.place))
    values = {f.name: getattr(scene, f.name) for f in fields(Scene)}
    return Scene(**{**values, "who": cast, "worn": worn, "place": place})


def _load(paths: list[Path]) -> Tensor:
    pictures = []
    for path in paths:
        with Image.open(path, formats=("PNG",)) as picture:
            pictures.append(np.asarray(picture.convert("RGB").resize((SEEN, SEEN), Image.Resampling.BOX)))
    return rearrange(torch.from_numpy(np.stack(pictures)), "n h w c -> n c h w").float() / 255


def _likeness(photos: list[Path], who: Identity, reader: Reader) -> Tensor:
    """Return the mean identity embedding of a subject's reference photographs."""
    return identity_of(reader.oracle(_load(photos)), who.noun.expand(len(photos))).mean(0)


def _score(
    pictures: list[list[Path]], who: dict[str, Identity], likenesses: dict[str, Tensor], reader: Reader
) -> Scores:
    marks, identity = [], []
    for asked, paths in zip(PROMPTS, pictures, strict=True):
        marks.append(reader.mark(_load(paths), _scene_of(asked, who, len(paths))))
        slots = [likenesses[name] for name in asked.names]
        references = torch.stack(slots + slots[:1] * (SLOTS - len(slots)))
        identity.append(marks[-1].likeness(references.expand(len(paths), -1, -1)))
    shares = {name: fmean(m.share(name) for m in marks) for name in ("details", "main", "noun", "place")}
    worn = fmean(m.share("worn") for m, asked in zip(marks, PROMPTS, strict=True) if asked.worn)
    composition = (shares["noun"] + shares["place"] + worn) / 3
    pairs = [m for m, asked in zip(marks, PROMPTS, strict=True) if len(asked.names) == 2]
    both_main, both_looks = (
        fmean(m.every(*answers) for m in pairs) for answers in (("noun", "main"), ("noun", "main", "pattern"))
    )
    return Scores(
        fmean(identity), **shares, worn=worn, composition=composition, both_main=both_main, both_looks=both_looks
    )


def _sheet(
    photos: dict[str, list[Path]], drawn: dict[str, list[list[Path]]], measured: dict[str, Scores], steps: int
) -> Image.Image:
    references = [
        Row(f"<{name}>, a {SUBJECTS[name]}: reference photographs", (tuple(p),)) for name, p in photos.items()
    ]
    rows = [
        Row(asked.prompt, (tuple(before), tuple(after)))
        for asked, before, after in zip(PROMPTS, drawn["before"], drawn["after"], strict=True)
    ]
    headings = [
        f"{title}: details right {measured[when].details:.2f}, composition {measured[when].composition:.2f}"
        for when, title in (("before", "zero-shot"), ("after", f"after {steps} steps of fine-tuning"))
    ]
    return draw_sheet("studio demo: subjects by name, on the embedded miniature", headings, references, rows)
