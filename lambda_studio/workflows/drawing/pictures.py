"""Write picture files with their texts."""

import json
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from PIL import Image

from concepts.records import ConceptRecord
from lambda_studio.config import GenerateConfig, Size
from lambda_studio.generation.generator import Picture
from lambda_studio.pictures.files.png import decode_png
from lambda_studio.pictures.files.texts import FORMAT_KEY, TEXTS_FORMAT
from lambda_studio.pictures.outputs import write_picture
from lambda_studio.workflows.drawing.adapter_choice import ChosenAdapter
from lambda_studio.workflows.drawing.asking.given_pictures import Given
from lambda_studio.workflows.drawing.asking.preparing import Prepared
from lambda_studio.workflows.workplace import Workplace

NOT_STORED = ("seed", "batch_size", "score", "best", "metadata", "save_edges")
"""Settings that change no pixel, and the seed, which has a text of its own."""


@dataclass(frozen=True)
class Destination:
    """Where a picture is written, with which texts beside its seed."""

    texts: Mapping[str, str]
    out: Path
    title: str
    at_once: bool = True
    """Write it as soon as it is drawn; otherwise only if the drawing is stopped."""


@dataclass(frozen=True)
class Made:
    """A drawn picture: in its file, or in memory until it is known whether it is written."""

    seed: int
    path: Path | None = None
    waiting: Image.Image | None = None

    @property
    def image(self) -> Image.Image:
        """The picture, read from its file if it is written."""
        if self.waiting is not None:
            return self.waiting
        assert self.path is not None, "it is in one of the two places"
        return decode_png(self.path.read_bytes())


def write_drawing(image: Image.Image, seed: int, to: Destination) -> Path:
    """Write one picture, with its seed among the texts if it has texts, and return its path."""
    return write_picture(image, with_seed(to.texts, seed), to.out, to.title)


def with_seed(texts: Mapping[str, str], seed: int) -> dict[str, str]:
    """Return a picture's texts with its seed. No texts stay none."""
    if not texts:
        return {}
    return {**texts, "seed": str(seed), "parameters": texts["parameters"].format(seed=seed)}


def write_each(
    pictures: Generator[Picture, None, None], destinations: Sequence[Destination], notify: Callable[[str], None]
) -> list[Made]:
    """Write each picture as soon as it is drawn, but those that wait for others.

    If a later picture fails or the user stops, the pictures that were drawn are written, and `notify` is told their
    paths.
    """
    made: list[Made] = []
    with closing(pictures):  # also after an error: the generator holds the decoder
        try:
            for picture, to in zip(pictures, destinations, strict=True):
                image, seed = picture.to_image(), picture.seed
                made.append(Made(seed, write_drawing(image, seed, to)) if to.at_once else Made(seed, waiting=image))
        except BaseException:  # also Ctrl-C: the user learns what is there, and the error goes on
            for each, to in zip(made, destinations, strict=False):
                said = "Written before the stop" if to.at_once else "Drawn before the stop, not compared"
                notify(f"{said}: {each.path or write_drawing(each.image, each.seed, to)}")
            raise
    return made


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """What a picture is drawn from, beside its seed."""

    words: str
    """The prompt, or what stands in its place."""
    config: GenerateConfig
    size: Size
    concepts: Sequence[ConceptRecord] = ()
    adapters: Sequence[ChosenAdapter] = ()
    given: Given = field(default_factory=dict)
    origin: Mapping[str, Any] = field(default_factory=dict)
    """Of a picture without a prompt of its own: the command that drew it, and what that was given."""

    @classmethod
    def of(cls, prepared: Prepared, decode_in_tiles: bool) -> "Inputs":
        """Return the inputs of a prompt's pictures."""
        config = replace(prepared.config, decode_in_tiles=decode_in_tiles)
        return cls(
            words=prepared.template.text, config=config, size=prepared.size, concepts=prepared.concepts,
            adapters=prepared.adapters, given=prepared.given,
        )  # fmt: skip


def texts_of(place: Workplace, inputs: Inputs) -> dict[str, str]:
    """Return a picture's PNG texts without the seed, whose place in `parameters` is `{seed}`. Empty: none are wanted.

    Structured values are JSON. A picture of a prompt, with one adapter as it is and no given pictures but edges, has
    format 1, which earlier versions read; those of other commands have a format that earlier versions refuse to draw
    again.
    """
    config, adapters = inputs.config, inputs.adapters
    if not config.metadata:
        return {}
    given = inputs.given
    settings: dict[str, Any] = {key: value for key, value in asdict(config).items() if key not in NOT_STORED}
    settings |= {role: each.name for role, each in given.items()}
    versions = [
        {
            "name": item.name,
            "noun": item.noun,
            "library": item.library,
            "version": item.version,
            "manifest": item.manifest,
        }
        for item in inputs.concepts
    ]
    plain = [each.scale for each in adapters] in ([], [1.0])
    scales = [{"sha256": each.record.sha256, "scale": each.scale} for each in adapters]
    files = {role: {"name": each.name, "sha256": each.sha256} for role, each in given.items()}
    number = TEXTS_FORMAT if inputs.origin or set(given) - {"edges"} else 1 if plain else 2
    return {
        "prompt": inputs.words,
        "settings": json.dumps(settings),
        "concepts": json.dumps(versions, ensure_ascii=False),
        "stack": place.spec.name,
        "weights": json.dumps(place.stack.fingerprints()),
        "adapter": adapters[0].record.sha256 if adapters else "none",
        **({} if plain else {"adapters": json.dumps(scales)}),
        **({"origin": json.dumps(inputs.origin, ensure_ascii=False)} if inputs.origin else {}),
        **({"pictures": json.dumps(files, ensure_ascii=False)} if files else {}),
        "parameters": _parameters(inputs, place.spec.name),
        "Software": "lambda-studio",
        FORMAT_KEY: str(number),
    }


def _parameters(inputs: Inputs, stack: str) -> str:
    """Return the text that web interfaces for Stable Diffusion show of a picture, with `{seed}` for its seed."""
    config, size = inputs.config, inputs.size
    negative = f"Negative prompt: {config.negative_prompt}\n" if config.negative_prompt else ""
    words = f"{inputs.words}\n{negative}".replace("{", "{{").replace("}", "}}")
    strength = "" if config.strength is None else f"Denoising strength: {config.strength:g}, "
    return (
        f"{words}Steps: {config.num_inference_steps}, Sampler: {config.sampler}, CFG scale: {config.guidance_scale:g}, "
        f"Seed: {{seed}}, Size: {size.width}x{size.height}, {strength}Model: {stack}, Version: lambda-studio"
    )
