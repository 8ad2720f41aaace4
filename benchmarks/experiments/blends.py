"""Measure what blends of two subjects, and subjects with another one taken out, look like on the miniature.

python -m benchmarks.experiments.blends [--pairs 24] [--steps 10] [--sheet FILE.png] [--record]

Pairs of subjects that no training saw, of one noun and with different main colours, are blended at each share: along
the straight line between their embeddings, and along the sphere. Then each first subject, seen in a hat, has a hat's
embedding taken out. The oracle reads identity (cosine similarity with pictures of each of the two), main colour,
whether something is worn, and the place that the prompt asks for (its mean probability).
"""

import argparse
from collections.abc import Iterator
from pathlib import Path
from statistics import fmean, stdev

import numpy as np
import torch
import torch.nn.functional as F
from einops import rearrange
from PIL import Image
from torch import Tensor

from benchmarks.experiments.references import photographs
from benchmarks.measured import add_record_option, record
from lambda_studio.config import GenerateConfig
from lambda_studio.evaluation.measures import View
from lambda_studio.evaluation.similarity import likeness
from lambda_studio.generation.generator import PictureRequest, draw
from lambda_studio.generation.interpolation import path
from lambda_studio.generation.prompt import bind
from lambda_studio.generation.template import parse
from lambda_studio.miniature.judge.measures import OracleComposition, OracleLikeness, PictureReader
from lambda_studio.miniature.world.figures import WORN
from lambda_studio.miniature.world.identities import NOTHING, NOUNS, Identity, identities, in_every_slot
from lambda_studio.miniature.world.rendering import render, render_cutouts
from lambda_studio.miniature.world.scenes import scenes
from lambda_studio.miniature.world.seeding import seeded
from lambda_studio.models.clip.clip import Clip
from lambda_studio.models.stacks.stack import Stack, resolve_stack
from lambda_studio.pictures.crops import cut_out
from lambda_studio.pictures.sheet import draw_sheet

REFERENCES = 4
PROMPTS = ("a {} on the beach", "a {} in the snow")
SHARES = (1.0, 0.9, 0.7, 0.5, 0.3, 0.1, 0.0)
OUT = (0.2, 0.4, 0.6)
ON_SHEET = 6


def main() -> None:
    """Print a table for each of the two operations."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=24)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--sheet", type=Path)
    add_record_option(parser)
    asked = parser.parse_args()
    stack = Stack(resolve_stack("miniature"), device="cpu", dtype=torch.float32)
    generator = seeded(0, "blends")
    first, second = pairs(asked.pairs, generator)
    bench = Bench(stack, first, second, asked.steps)
    one, other = mean_embeds(stack.clip(), first, generator), mean_embeds(stack.clip(), second, generator)
    in_hats, hats = dressed_embeds(stack.clip(), first, generator), hat_embeds(stack.clip(), asked.pairs, generator)
    ways: dict[str, Tensor] = {}
    for share in SHARES:
        ways[f"line {share:g}"] = torch.lerp(other, one, share)
    for share in SHARES[2:5]:
        ways[f"sphere {share:g}"] = path(other, one, 101, spherical=True)[round(100 * share)]
    ways |= {f"out: {name}": embeds for name, embeds in taken_out(in_hats, hats, (one + other) / 2)}
    values = {way: bench.read(way, embeds) for way, embeds in ways.items()}
    if asked.sheet:
        shown = min(ON_SHEET, asked.pairs)
        images = [bench.pictures[way][row] for row in range(shown) for way in ways]
        labels = [way if not row else "" for row in range(shown) for way in ways]
        draw_sheet(images, labels, len(ways)).save(asked.sheet)
    if asked.record:
        record("blends", "first, second: identity as cosine similarity; others: shares and mean probabilities", values)


def pairs(count: int, generator: torch.Generator) -> tuple[Identity, Identity]:
    """Return pairs of held-out subjects: one noun, two main colours."""
    rows: list[tuple[int, int]] = []
    pool = identities(count * 12, generator, held_out=True)
    free = list(range(len(pool.noun)))
    while len(rows) < count:
        at = free.pop(0)
        fits = (each for each in free if pool.noun[each] == pool.noun[at] and pool.main[each] != pool.main[at])
        if (match := next(fits, None)) is not None:
            free.remove(match)
            rows.append((at, match))
    one, other = torch.tensor(rows).T
    return pool[one], pool[other]


def mean_embeds(clip: Clip, who: Identity, generator: torch.Generator) -> Tensor:
    """Return the mean embedding of some cut-outs of each subject."""
    return torch.stack([clip.encode_pixels(render_cutouts(who, generator)) for _ in range(REFERENCES)]).mean(0)


def hat_embeds(clip: Clip, count: int, generator: torch.Generator) -> Tensor:
    """Return the mean embedding of a hat of each subject's own colour, lying alone."""
    hats = identities(count, generator, held_out=False, nouns=("hat",))
    return mean_embeds(clip, hats, generator)


def dressed_embeds(clip: Clip, who: Identity, generator: torch.Generator) -> Tensor:
    """Return the mean embedding of cut-outs of each subject, in a hat."""
    alone = torch.zeros(len(who.noun), dtype=torch.int64)
    found = []
    for _ in range(REFERENCES):
        scene = scenes(len(alone), generator, who=in_every_slot(who), relation=alone, worn_share=1.0)
        scene.worn[:] = torch.where(scene.worn == NOTHING, NOTHING, list(WORN).index("hat"))
        drawn = render(scene, 128)
        masks = (drawn.subjects[:, 0] + drawn.worn[:, 0]).clamp(0, 1)
        pictures = [
            cut_out(pixels(image), Image.fromarray((mask * 255).byte().numpy()), clip.image_size)
            for image, mask in zip(drawn.images, masks, strict=True)
        ]
        found.append(clip.encode_images(pictures))
    return torch.stack(found).mean(0)


def pixels(image: Tensor) -> Image.Image:
    """Return a picture of values in 0..1."""
    return Image.fromarray(np.ascontiguousarray((rearrange(image, "c h w -> h w c") * 255).round().byte().numpy()))


def taken_out(whole: Tensor, part: Tensor, centre: Tensor) -> Iterator[tuple[str, Tensor]]:
    """Yield ways of taking one embedding out of another.

    sum 1: weights 1 and -w, divided by their sum. length: the difference, as long as before. projected: without w
    times its component along the part, seen from the centre.
    """
    yield "nothing", whole
    for weight in OUT:
        yield f"sum 1, {weight:g}", (whole - weight * part) / (1 - weight)
        rest = whole - weight * part
        yield f"length, {weight:g}", rest * (whole.norm(dim=-1, keepdim=True) / rest.norm(dim=-1, keepdim=True))
    for weight in (0.5, 1.0):
        middle = centre.mean(0)
        along = F.normalize(part - middle, dim=-1)
        yield f"projected, {weight:g}", whole - weight * ((whole - middle) * along).sum(-1, keepdim=True) * along


class Bench:
    """Draws embeddings in two places, and reads the pictures."""

    def __init__(self, stack: Stack, first: Identity, second: Identity, steps: int):
        self.stack, self.clip = stack, stack.clip()
        self.first, self.second = first, second
        self.nouns = [NOUNS[int(noun)] for noun in first.noun]
        self.config = GenerateConfig(num_inference_steps=steps).preferring(stack.spec.generate)
        self.zero, self.reader = self.clip.zero_image_embeds(), PictureReader()
        self.judge, self.composed = OracleLikeness(self.reader), OracleComposition(self.reader)
        self.known = [self._known(first), self._known(second)]
        self.pictures: dict[str, list[Image.Image]] = {}
        print(f"{'':22}{'first':>15}{'second':>15}{'main 1':>8}{'main 2':>8}{'worn':>8}{'rest':>8}{'length':>8}")

    def _known(self, who: Identity) -> list[Tensor]:
        views = ([View(image, noun) for image in photographs(who[at : at + 1])] for at, noun in enumerate(self.nouns))
        return [self.judge.embed(each) for each in views]

    def read(self, way: str, embeds: Tensor) -> dict[str, dict[str, float]]:
        """Draw one embedding of each pair in each place, and print and return what the oracle reads."""
        images, texts = self._drawn(embeds)
        rows = [row for row in range(len(self.nouns)) for _ in PROMPTS]
        drawn = self.judge.embed([View(image, self.nouns[row]) for row, image in zip(rows, images, strict=True)])
        reading = self.reader.read(images)
        noun = self.first.noun[rows]
        main = reading.nouns["main"][range(len(rows)), noun].argmax(-1)
        worn = 1 - reading.nouns["worn"][range(len(rows)), noun].softmax(-1)[:, 0]
        found = {
            "first": _spread([likeness(drawn[at : at + 1], self.known[0][row]) for at, row in enumerate(rows)]),
            "second": _spread([likeness(drawn[at : at + 1], self.known[1][row]) for at, row in enumerate(rows)]),
            "main 1": {"mean": round((main == self.first.main[rows]).float().mean().item(), 3)},
            "main 2": {"mean": round((main == self.second.main[rows]).float().mean().item(), 3)},
            "worn": {"mean": round(worn.mean().item(), 3)},
            "rest": {"mean": round(self.composed.score(images, texts).mean().item(), 3)},
        }
        cells = "".join(
            f"{each['mean']:7.3f}" + (f" ± {each['spread']:.3f}" if "spread" in each else " ")
            for each in found.values()
        )
        print(f"{way:22}{cells}{embeds.norm(dim=-1).mean():8.2f}", flush=True)
        self.pictures[way] = images[:: len(PROMPTS)]
        return found

    def _drawn(self, embeds: Tensor) -> tuple[list[Image.Image], list[str]]:
        prompts = [bind(parse(words.format("<s>")), {"s": noun}, self.clip.tokenizer) for noun, words in self._asked()]
        requests = [
            PictureRequest(prompt, seed, {"s": embeds[seed // len(PROMPTS)]}) for seed, prompt in enumerate(prompts)
        ]
        images = [picture.to_image() for picture in draw(self.stack, requests, self.zero, self.config)]
        return images, [prompt.text for prompt in prompts]

    def _asked(self) -> Iterator[tuple[str, str]]:
        return ((noun, words) for noun in self.nouns for words in PROMPTS)


def _spread(values: list[float]) -> dict[str, float]:
    return {"mean": round(fmean(values), 3), "spread": round(stdev(values), 3)}


if __name__ == "__main__":
    main()
