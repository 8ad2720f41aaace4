"""Measure how far the miniature's pictures follow the edges that they were given, and what that costs, as JSON.

    python benchmarks/experiments/edges_followed.py --seeds 1000 1001 1002 [--count 60] [--sheet sheet.png]

A held-out subject is rendered in a scene, and the edges of that picture are the control. The prompt names the subject,
which is given as other pictures, and the place. With the same seeds a picture is drawn with the edges, without, with
those of another scene (`others`), and from the rendered picture's own embedding (`own`), the best that the prior could
predict. For each:

- `overlap`: F1 of the edges drawn and asked, of pictures shrunk to 64 pixels, where two pixels match that lie within
  one pixel of each other;
- `aside`: how far the middle of the subject lies to the left or right of the asked one, in pixels of 64, by the
  oracle's cells;
- `identity`: the oracle's likeness to other pictures of the subject; `place`: the share of right places.
"""

import argparse
import json
from pathlib import Path
from statistics import fmean, stdev

import numpy as np
import torch
import torch.nn.functional as F
from einops import rearrange
from PIL import Image
from torch import Tensor

from lambda_studio.generation.generator import condition_prompts, predict_image_embeds
from lambda_studio.generation.prompt import bind
from lambda_studio.generation.template import parse
from lambda_studio.miniature.judge.measurements import Evaluation, _keep
from lambda_studio.miniature.judge.reader import load_reader
from lambda_studio.miniature.recipe.corpus import edges
from lambda_studio.miniature.world.captions import captions
from lambda_studio.miniature.world.rendering import render, seen
from lambda_studio.miniature.world.scenes import Scene
from lambda_studio.miniature.world.seeding import seeded
from lambda_studio.models.stacks.stack import Stack, resolve_stack

MAP = "gradient"


def main() -> None:
    """Measure every seed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", nargs="+", type=int, default=[1000])
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--sheet", type=Path, help="pictures of the first seed: rendered, its edges, with, without")
    asked = parser.parse_args()
    stack = Stack(resolve_stack("miniature"), device="cpu")
    runs = []
    for seed in asked.seeds:
        evaluation = Evaluation(stack, load_reader(), asked.count, seed, asked.steps)
        runs.append(measured(evaluation, asked.sheet if seed == asked.seeds[0] else None))
    means = {
        way: {name: [round(f([run[way][name] for run in runs]), 3) for f in (fmean, spread)] for name in runs[0][way]}
        for way in runs[0]
    }
    print(json.dumps({"mean and deviation": means, "runs": runs}, indent=1))


def spread(values: list[float]) -> float:
    """Return the standard deviation, 0 of a single value."""
    return stdev(values) if len(values) > 1 else 0.0


def measured(evaluation: Evaluation, sheet: Path | None) -> dict[str, dict[str, float]]:
    """Return the measurements of one seed."""
    scene = evaluation.scenes("edges", dressed=0.0)
    images = render(scene).images
    maps = edges_of(images)
    controls = {
        "with": evaluation.clip.encode_pixels(seen(maps)),
        "without": evaluation.zero.expand(len(maps), -1),
        "others": evaluation.clip.encode_pixels(seen(maps.roll(1, 0))),
    }
    embeds = {way: predicted(evaluation, scene, control) for way, control in controls.items()}
    embeds["own"] = evaluation.clip.encode_pixels(seen(images))
    drawn = {way: evaluation._draw(each) for way, each in embeds.items()}
    if sheet:
        write_sheet([images, maps, drawn["with"], drawn["without"]], sheet)
    likenesses = evaluation._likenesses(scene)
    found = {}
    for way, pictures in drawn.items():
        marks = evaluation.reader.mark(pictures, scene)
        found[way] = {
            "overlap": overlap(*(edges_of(seen(each)) for each in (pictures, images))),
            "aside": aside(evaluation, pictures, scene),
            "identity": marks.likeness(likenesses),
            "place": marks.share("place"),
        }
    return found


def predicted(evaluation: Evaluation, scene: Scene, control: Tensor) -> Tensor:
    """Return the prior's predictions for the scenes with the control."""
    words = [_keep(each, "s") for each in captions(scene, seeded(evaluation.seed, "words"), attributes=0.0, places=1.0)]
    references = evaluation._references(scene.who[:, 0])
    prompts = [bind(parse(each.template), each.nouns, evaluation.clip.tokenizer) for each in words]
    subjects = [dict.fromkeys(each.nouns, references[row]) for row, each in enumerate(words)]
    inputs = condition_prompts(evaluation.clip, prompts, subjects, control)
    seeds = range(evaluation.seed, evaluation.seed + len(prompts))
    return predict_image_embeds(evaluation.stack.prior(), inputs, seeds)


def edges_of(images: Tensor) -> Tensor:
    """Return the edge maps of pictures in 0..1, with three channels."""
    pixels = rearrange((images.clamp(0, 1) * 255).round().byte(), "b c h w -> b h w c").numpy()
    return edges(pixels, torch.arange(len(pixels)), MAP)


def overlap(drawn: Tensor, asked: Tensor) -> float:
    """Return the mean F1 of two batches of edge maps, with a tolerance of one pixel."""
    ours, theirs = drawn[:, :1], asked[:, :1]
    near = [F.max_pool2d(each, 3, stride=1, padding=1) for each in (ours, theirs)]
    precision = (ours * near[1]).sum((1, 2, 3)) / ours.sum((1, 2, 3)).clamp_min(1)
    recall = (theirs * near[0]).sum((1, 2, 3)) / theirs.sum((1, 2, 3)).clamp_min(1)
    return (2 * precision * recall / (precision + recall).clamp_min(1e-6)).mean().item()


def aside(evaluation: Evaluation, pictures: Tensor, scene: Scene) -> float:
    """Return the mean distance of the subjects' middles from the asked ones, by the oracle's cells, in pixels."""
    reading = evaluation.reader.oracle(pictures).float()
    share = reading.cells.softmax(-1)[torch.arange(len(pictures)), :, scene.who.noun[:, 0]]
    share = share / share.sum(1, keepdim=True).clamp_min(1e-6)
    side = int(share.shape[1] ** 0.5)
    column = (torch.arange(side * side) % side + 0.5) * 64 / side
    asked = (scene.x[:, 0] + 1) * 32
    return ((share * column).sum(1) - asked).abs().mean().item()


def write_sheet(rows: list[Tensor], path: Path, most: int = 12) -> None:
    """Write the first pictures of each row below each other, twice as large."""
    table = torch.cat([torch.cat(list(row[:most]), -1) for row in rows], -2)
    pixels = rearrange((table.clamp(0, 1) * 255).byte(), "c h w -> h w c").numpy()
    Image.fromarray(np.kron(pixels, np.ones((2, 2, 1), np.uint8))).save(path)


if __name__ == "__main__":
    main()
