"""Measure how well the likeness that `generate` writes predicts the oracle's identity, on the miniature.

python -m benchmarks.experiments.likeness_scores [--subjects 12] [--steps 10] [--record]

Subjects that no training saw are drawn 16 times on each prompt, alone and two together. Of each prompt's pictures: the
rank correlation of CLIP-I with the oracle's identity (Spearman), and the identity of the four pictures with the highest
CLIP-I, of all, and of the four that the oracle itself would choose.
"""

import argparse
from statistics import fmean, stdev

import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.experiments.references import REFERENCES, photographs
from benchmarks.measured import add_record_option, record
from lambda_studio.config import GenerateConfig
from lambda_studio.evaluation.by_clip import ClipLikeness
from lambda_studio.evaluation.measures import View
from lambda_studio.evaluation.similarity import similarities
from lambda_studio.generation.generator import PictureRequest, draw
from lambda_studio.generation.prompt import bind
from lambda_studio.generation.references import subject_embeds
from lambda_studio.generation.template import parse
from lambda_studio.miniature.judge.measures import OracleLikeness, PictureReader
from lambda_studio.miniature.world.identities import NOUNS, identities
from lambda_studio.miniature.world.rendering import render_cutouts
from lambda_studio.miniature.world.seeding import seeded
from lambda_studio.models.stacks.stack import Stack, resolve_stack

DRAWN, KEPT = 16, 4
ALONE, TOGETHER = "a <s0> on the beach", "a <s0> beside a <s1> in the snow"


def main() -> None:
    """Print the correlation and the identities, for one subject and for two."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--subjects", type=int, default=12)
    parser.add_argument("--steps", type=int, default=10)
    add_record_option(parser)
    asked = parser.parse_args()
    stack = Stack(resolve_stack("miniature"), device="cpu", dtype=torch.float32)
    clip, judge = stack.clip(), OracleLikeness(PictureReader())
    zero, config = clip.zero_image_embeds(), GenerateConfig(num_inference_steps=asked.steps)
    config = config.preferring(stack.spec.generate)
    generator = seeded(0, "likeness scores")
    who = identities(asked.subjects, generator, held_out=True)
    nouns = [NOUNS[int(noun)] for noun in who.noun]
    cut_outs = torch.stack([render_cutouts(who, generator) for _ in range(REFERENCES)], dim=1)
    views = [clip.encode_pixels(each) for each in cut_outs]
    known = [judge.embed([View(one, nouns[at]) for one in photographs(who[at : at + 1])]) for at in range(len(nouns))]
    metric = ClipLikeness(stack)

    def measured(cast: list[int], prompt: str) -> tuple[Tensor, Tensor]:
        """Return CLIP-I and identity of each picture, as the mean over its subjects."""
        names = {f"s{number}": at for number, at in enumerate(cast)}
        bound = bind(parse(prompt), {name: nouns[at] for name, at in names.items()}, clip.tokenizer)
        embeds = subject_embeds(bound, {name: list(views[at]) for name, at in names.items()}, "mean", 0)
        pictures = draw(stack, [PictureRequest(bound, seed, embeds) for seed in range(DRAWN)], zero, config)
        images = [each.to_image() for each in pictures]
        drawn = metric.embed([View(image, "") for image in images])
        scores = [similarities(drawn, F.normalize(views[at], dim=-1)).mean(1) for at in cast]
        read = [judge.embed([View(image, nouns[at]) for image in images]) for at in cast]
        truth = [similarities(each, known[at]).mean(1) for each, at in zip(read, cast, strict=True)]
        return torch.stack(scores).mean(0), torch.stack(truth).mean(0)

    values = {}
    for way, casts, prompt in (
        ("one subject", [[at] for at in range(len(nouns))], ALONE),
        ("two subjects", _pairs(nouns), TOGETHER),
    ):
        found = [measured(cast, prompt) for cast in casts]
        rows = {
            "correlation": [_spearman(*each) for each in found],
            "all": [float(truth.mean()) for _, truth in found],
            "best": [float(truth[scores.topk(KEPT).indices].mean()) for scores, truth in found],
            "oracle": [float(truth.topk(KEPT).values.mean()) for _, truth in found],
        }
        values[way] = {
            name: {"mean": round(fmean(each), 3), "spread": round(stdev(each), 3)} for name, each in rows.items()
        }
        print(way, values[way], flush=True)
    if asked.record:
        record("likeness-scores", "rank correlation; identity: cosine similarity", values)


def _pairs(nouns: list[str]) -> list[list[int]]:
    """Return pairs of neighbours of different nouns."""
    pairs = [[at, (at + 1) % len(nouns)] for at in range(len(nouns))]
    return [pair for pair in pairs if nouns[pair[0]] != nouns[pair[1]]]


def _spearman(one: Tensor, other: Tensor) -> float:
    ranks = [each.argsort().argsort().float() for each in (one, other)]
    return float(torch.corrcoef(torch.stack(ranks))[0, 1])


if __name__ == "__main__":
    main()
