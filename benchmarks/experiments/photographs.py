"""Measure what the strength does to a drawing that begins with a photograph, on the miniature.

python -m benchmarks.experiments.photographs [--subjects 24] [--steps 20] [--record]

Subjects that no training saw are drawn by name over photographs of other subjects, in the photograph's place: at each
strength, with a mask (the box of the photograph's subject), and without the photograph. The oracle reads identity
(cosine similarity with other pictures of the subject), what the prompt asks for (mean probability of noun and place),
and where the subject is. For each way:

- `moved`: how far the subject is from the photograph's subject, as a share of the picture's width.
- `background`: the mean difference from the photograph where its subject is not, in levels of 255.
- `seam`: with a mask, the mean step across its edge without that of the photograph there, in levels of 255.
"""

import argparse
from collections.abc import Iterator
from statistics import fmean, stdev

import torch
from einops import rearrange, reduce
from jaxtyping import Float
from torch import Tensor

from benchmarks.experiments.references import photographs
from benchmarks.measured import add_record_option, record
from lambda_studio.config import GenerateConfig
from lambda_studio.evaluation.measures import View
from lambda_studio.evaluation.similarity import likeness
from lambda_studio.generation.generator import PictureRequest, draw
from lambda_studio.generation.inputs import PictureInputs
from lambda_studio.generation.prompt import bind
from lambda_studio.generation.references import subject_embeds
from lambda_studio.generation.template import parse
from lambda_studio.miniature.judge.measures import OracleComposition, OracleLikeness, PictureReader
from lambda_studio.miniature.world.captions import PLACE_PHRASES
from lambda_studio.miniature.world.identities import NOUNS, identities, in_every_slot
from lambda_studio.miniature.world.places import PLACES
from lambda_studio.miniature.world.rendering import render, render_cutouts
from lambda_studio.miniature.world.scenes import scenes
from lambda_studio.miniature.world.seeding import seeded
from lambda_studio.models.stacks.stack import Stack, resolve_stack

REFERENCES = 4
STRENGTHS = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 1.0)
WAYS: dict[str, tuple[float | None, bool]] = {
    **{f"{strength:g}": (strength, False) for strength in STRENGTHS},
    "no photograph": (None, False),
    **{f"mask, {strength:g}": (strength, True) for strength in (0.4, 0.6, 0.8, 1.0)},
}
"""The strength of each way, and whether it has a mask."""
COLUMNS = ("identity", "prompt", "moved", "background", "seam")
AROUND = 3
"""Pixels of the mask around the photograph's subject."""


class Bench:
    """Subjects, and photographs of others."""

    def __init__(self, count: int) -> None:
        self.stack = Stack(resolve_stack("miniature"), device="cpu", dtype=torch.float32)
        self.clip = self.stack.clip()
        self.zero = self.clip.zero_image_embeds()
        self.oracle = PictureReader()
        self.judge, self.composed = OracleLikeness(self.oracle), OracleComposition(self.oracle)
        generator, alone = seeded(0, "photographs"), torch.zeros(count, dtype=torch.int64)
        self.who = identities(count, generator, held_out=True)
        self.views = [self.clip.encode_pixels(render_cutouts(self.who, generator)) for _ in range(REFERENCES)]
        others = in_every_slot(identities(count, generator, held_out=True))
        self.scene = scenes(count, generator, who=others, relation=alone, worn_share=0.0)
        drawn = render(self.scene, 64)
        self.photos = (drawn.images * 255).round() / 255
        self.there = drawn.subjects[:, 0] > 0.5
        self.masks = torch.stack([box(each) for each in self.there])

    def requests(self, way: str, row: int) -> tuple[list[PictureRequest], str, str]:
        """Return the request of one subject, its noun, and the prompt's text."""
        strength, masked = WAYS[way]
        noun, place = NOUNS[int(self.who.noun[row])], list(PLACES)[int(self.scene.place[row])]
        prompt = bind(parse(f"a <s> {PLACE_PHRASES[place][0]}"), {"s": noun}, self.clip.tokenizer)
        views = [each[row] for each in self.views]
        image, mask = self.photos[row], self.masks[row] if masked else None
        inputs = PictureInputs() if strength is None else PictureInputs(image, mask)
        return (
            [PictureRequest(prompt, row, subject_embeds(prompt, {"s": views}, "mean", row), inputs=inputs)],
            noun,
            prompt.text,
        )

    def measure(self, way: str, steps: int) -> Iterator[dict[str, float]]:
        """Draw every subject in one way, and yield what is measured of each."""
        config = GenerateConfig(num_inference_steps=steps, strength=WAYS[way][0]).preferring(self.stack.spec.generate)
        for row in range(len(self.photos)):
            requests, noun, text = self.requests(way, row)
            picture = draw(self.stack, requests, self.zero, config)[0]
            image, pixels = picture.to_image(), picture.pixels
            known = self.judge.embed([View(each, noun) for each in photographs(self.who[row : row + 1])])
            cells = self.oracle.read([image]).cells[0].softmax(-1)[:, NOUNS.index(noun)]
            found = {
                "identity": likeness(self.judge.embed([View(image, noun)]), known),
                "prompt": float(self.composed.score([image], [text])),
                "moved": float(
                    (centre(rearrange(cells, "(h w) -> h w", h=8)) - centre(self.there[row].float())).norm()
                ),
                "background": float(255 * (pixels - self.photos[row]).abs()[:, ~self.there[row]].mean()),
            }
            if WAYS[way][1]:
                found["seam"] = 255 * (step(pixels, self.masks[row]) - step(self.photos[row], self.masks[row]))
            yield found


def box(there: Tensor) -> Float[Tensor, "height width"]:
    """Return 1 in the box of a subject and a few pixels around it."""
    rows, columns = there.any(1).nonzero(), there.any(0).nonzero()
    mask = torch.zeros(there.shape)
    top, left = (max(0, int(each.min()) - AROUND) for each in (rows, columns))
    mask[top : int(rows.max()) + 1 + AROUND, left : int(columns.max()) + 1 + AROUND] = 1
    return mask


def centre(weights: Float[Tensor, "height width"]) -> Float[Tensor, "2"]:
    """Return the mean position of weights, in 0..1."""
    where = torch.stack(torch.meshgrid(*((torch.arange(side) + 0.5) / side for side in weights.shape), indexing="ij"))
    return reduce(where * weights, "side h w -> side", "sum") / weights.sum()


def step(pixels: Float[Tensor, "3 height width"], mask: Float[Tensor, "height width"]) -> float:
    """Return the mean difference of neighbours of which one is masked."""
    steps = []
    for axis in (0, 1):
        across = mask.diff(dim=axis) != 0
        steps.append(pixels.diff(dim=axis + 1).abs().mean(0)[across])
    return float(torch.cat(steps).mean())


def main() -> None:
    """Print a table with the spread over the pictures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--subjects", type=int, default=24)
    parser.add_argument("--steps", type=int, default=20)
    add_record_option(parser)
    asked = parser.parse_args()
    bench, values = Bench(asked.subjects), {}
    print(f"{'':16}{''.join(f'{column:>18}' for column in COLUMNS)}")
    for way in WAYS:
        found = list(bench.measure(way, asked.steps))
        columns = [column for column in COLUMNS if column in found[0]]
        lists = {column: [each[column] for each in found] for column in columns}
        values[way] = {
            column: {"mean": round(fmean(each), 3), "spread": round(stdev(each), 3)} for column, each in lists.items()
        }
        cells = [f"{values[way][column]['mean']:9.3f} ± {values[way][column]['spread']:6.3f}" for column in columns]
        print(f"{way:16}{''.join(cells)}", flush=True)
    if asked.record:
        record("photographs", "see benchmarks/experiments/photographs.py", values)


if __name__ == "__main__":
    main()
