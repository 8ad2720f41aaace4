"""Pictures between prompts: the prior predicts each prompt's embedding, and the decoder draws the way between them."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path

from torch import Tensor

from lambda_studio.config import read_adapters, require
from lambda_studio.generation.generator import predicted_embeds
from lambda_studio.generation.interpolation import evenness, grid, path
from lambda_studio.generation.template import parse
from lambda_studio.pictures.animation import write_animation
from lambda_studio.pictures.files.png import decode_png
from lambda_studio.pictures.outputs import sheet_beside, write_picture
from lambda_studio.pictures.sheet import draw_sheet
from lambda_studio.workflows.answers.pictures import DrawnAdapter, Interpolated
from lambda_studio.workflows.drawing.adapter_choice import choose_adapters
from lambda_studio.workflows.drawing.asking.preparing import Drawing, prepare
from lambda_studio.workflows.drawing.embeds import drawn_from
from lambda_studio.workflows.drawing.generate import requests_of, tell_new_seed
from lambda_studio.workflows.drawing.pictures import Destination, Inputs, texts_of, write_each
from lambda_studio.workflows.workplace import Workplace

MOST_FRAMES = 500
LARGEST_GRID = 20


def interpolate(
    place: Workplace, prompts: Sequence[str], frames: int, spherical: bool, wishes: Drawing
) -> Interpolated:
    """Draw `frames` pictures between two prompts, or a square of so many rows between four, all from the same noise.

    `wishes` says the settings, the adapter and the folder. Raises InvalidSetting, and as `generate`.
    """
    corners = len(prompts)
    require(corners in (2, 4), f"The number of prompts is {corners}.", "Give two, or four for the corners of a square.")
    most = LARGEST_GRID if corners == 4 else MOST_FRAMES
    require(2 <= frames <= most, f"The number of frames is {frames}.", f"Give 2 to {most}.", "frames")
    require(
        not any(parse(each).wildcards for each in prompts), "A prompt has a wildcard.", "Name a concept in its place."
    )
    config = replace(wishes.config, negative_prompt="", best=None, score=False)
    drawings = [Drawing(prompt=each, config=config, adapter="none", out=wishes.out) for each in prompts]
    prepared = prepare(place, drawings)
    concepts = {each.name: each for one in prepared for each in one.concepts}
    adapters, choice = choose_adapters(place, read_adapters(wishes.adapter), list(concepts.values()))
    for notice in choice.notices:
        place.notify(notice)
    tell_new_seed(place, prepared)
    requests, zero = requests_of(place, prepared)
    embeds = _between(predicted_embeds(place.stack, requests, zero), frames, spherical)
    seed = prepared[0].seeds[0]
    pictures = drawn_from(place, embeds, [seed] * len(embeds), prepared[0].config, adapters)
    title = f"{prompts[0]} to {prompts[-1]}"
    inputs = Inputs(
        words=" to ".join(prompts), config=prepared[0].config, size=prepared[0].size, concepts=list(concepts.values()),
        adapters=adapters,
    )  # fmt: skip
    command = _command(prompts, frames, spherical, seed)
    origins = ({"command": command, "position": divmod(at, frames)} for at in range(len(embeds)))
    targets = [
        Destination(texts_of(place, replace(inputs, origin=each)), wishes.out, title, several=True) for each in origins
    ]
    written = write_each(pictures, targets, place.notify)
    images = [each.image for each in written]
    sheet = draw_sheet(images, _labels(prompts, frames), frames if frames <= LARGEST_GRID else None)
    return Interpolated(
        prompts=tuple(prompts),
        pictures=tuple(each.path for each in written if each.path),
        columns=frames,
        sheet=write_picture(sheet, {}, sheet_beside(wishes.out), f"sheet {title}"),
        seed=seed,
        evenness=round(evenness(images, frames), 4),
        stack=place.spec.name,
        adapters=tuple(DrawnAdapter(each.record.id, each.record.sha256, each.scale) for each in adapters),
    )


def animate(found: Interpolated, out: Path, seconds: float) -> Interpolated:
    """Write the pictures as an animation, those of a square row by row, there and back; return the answer with it."""
    rows = [found.pictures[start : start + found.columns] for start in range(0, len(found.pictures), found.columns)]
    ordered = [each for number, row in enumerate(rows) for each in (row if number % 2 == 0 else row[::-1])]
    write_animation([decode_png(each.read_bytes()) for each in ordered], out, seconds)
    return replace(found, animation=out)


def _command(prompts: Sequence[str], frames: int, spherical: bool, seed: int) -> list[str]:
    """Return the words of the command that draws the way again, without the settings that are texts of their own."""
    way = ["--spherical"] if spherical else []
    return ["interpolate", *prompts, "--frames", str(frames), "--seed", str(seed), *way]


def _between(corners: Tensor, frames: int, spherical: bool) -> Tensor:
    if len(corners) == 4:
        return grid(corners, frames, spherical).flatten(0, 1)
    return path(corners[0], corners[1], frames, spherical)


def _labels(prompts: Sequence[str], frames: int) -> list[str]:
    """Return the prompts at the ends of the line, or at the corners of the square, and nothing between them."""
    rows = frames if len(prompts) == 4 else 1
    ends = dict(zip(product((0, rows - 1), (0, frames - 1)), prompts, strict=False))
    return [ends.get((row, column), "") for row in range(rows) for column in range(frames)]
