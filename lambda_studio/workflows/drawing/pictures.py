"""Write picture files with their texts."""

import json
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lambda_studio.generation.generator import Picture
from lambda_studio.pictures.files.texts import FORMAT_KEY, TEXTS_FORMAT
from lambda_studio.pictures.outputs import write_picture
from lambda_studio.workflows.drawing.preparing import Prepared


@dataclass(frozen=True)
class Destination:
    """Where a picture is written, with which texts beside its seed."""

    texts: Mapping[str, str]
    out: Path
    title: str


def write_drawing(picture: Picture, to: Destination) -> Path:
    """Write one picture, with its seed among the texts, and return its path."""
    return write_picture(picture.to_image(), {**to.texts, "seed": str(picture.seed)}, to.out, to.title)


def write_each(
    pictures: Generator[Picture, None, None], destinations: Sequence[Destination], notify: Callable[[str], None]
) -> list[tuple[Path, int]]:
    """Write each picture as soon as it is drawn, and return the paths and seeds.

    Pictures that are written stay if a later one fails or the user stops; `notify` is then told their paths.
    """
    written: list[tuple[Path, int]] = []
    with closing(pictures):  # also after an error: the generator holds the decoder
        try:
            for picture, to in zip(pictures, destinations, strict=True):
                written.append((write_drawing(picture, to), picture.seed))
        except BaseException:  # also Ctrl-C: the user learns what is there, and the error goes on
            for path, _ in written:
                notify(f"Written before the stop: {path}")
            raise
    return written


def texts_of(prepared: Prepared, stack: str, decode_in_tiles: bool) -> dict[str, str]:
    """Return a picture's PNG texts except the seed. Structured values are JSON.

    A picture of one adapter as it is has format 1, which earlier versions read.
    """
    config, adapters, edges = prepared.config, prepared.adapters, prepared.drawing.edges
    settings: dict[str, Any] = {
        key: value for key, value in asdict(config).items() if key not in ("seed", "batch_size")
    }
    settings["decode_in_tiles"] = decode_in_tiles
    if edges is not None:
        settings["edges"] = edges.name
    versions = [
        {
            "name": item.name,
            "noun": item.noun,
            "library": item.library,
            "version": item.version,
            "manifest": item.manifest,
        }
        for item in prepared.concepts
    ]
    plain = [each.scale for each in adapters] in ([], [1.0])
    scales = [{"sha256": each.record.sha256, "scale": each.scale} for each in adapters]
    return {
        "prompt": prepared.template.text,
        "settings": json.dumps(settings),
        "concepts": json.dumps(versions, ensure_ascii=False),
        "stack": stack,
        "adapter": adapters[0].record.sha256 if adapters else "none",
        **({} if plain else {"adapters": json.dumps(scales)}),
        "Software": "lambda-studio",
        FORMAT_KEY: "1" if plain else str(TEXTS_FORMAT),
    }
