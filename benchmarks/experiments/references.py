"""Measure what the reference images and the weight of a subject do to its pictures, on the miniature.

python -m benchmarks.experiments.references [--subjects 24] [--steps 10] [--record]

Subjects that no training saw, with five cut-outs each, are drawn alone in four prompts: with the mean of their
embeddings, the embedding nearest to the mean, the first, and one after the other; then with the mean at each weight.
The oracle reads identity (cosine similarity with other pictures of the subject), main colour, and what else the prompt
asks for (its mean probability).
"""

import argparse
from statistics import fmean, stdev

import numpy as np
import torch
from einops import rearrange
from PIL import Image

from benchmarks.measured import add_record_option, record
from lambda_studio.config import GenerateConfig
from lambda_studio.evaluation.measures import View
from lambda_studio.evaluation.similarity import likeness
from lambda_studio.generation.generator import PictureRequest, draw
from lambda_studio.generation.prompt import bind
from lambda_studio.generation.references import subject_embeds
from lambda_studio.generation.template import parse
from lambda_studio.miniature.judge.measures import OracleComposition, OracleLikeness, PictureReader
from lambda_studio.miniature.world.identities import NOUNS, Identity, identities, in_every_slot
from lambda_studio.miniature.world.rendering import render, render_cutouts
from lambda_studio.miniature.world.scenes import scenes
from lambda_studio.miniature.world.seeding import seeded
from lambda_studio.models.stacks.stack import Stack, resolve_stack

REFERENCES = 5
PROMPTS = (
    "a {} on the beach", "a {} in the snow", "a {} wearing a hat in the city", "a {} wearing a scarf in the forest",
)  # fmt: skip
WAYS = {
    "mean": ("<s>", "mean"), "nearest": ("<s>", "nearest"), "first": ("<s#1>", "mean"), "each": ("<s>", "each"),
    **{f"weight {weight:g}": (f"<s:{weight:g}>", "mean") for weight in (0, 0.25, 0.5, 0.75, 1.25, 1.5, 2)},
}  # fmt: skip
"""How each subject is written, and `GenerateConfig.references`. `mean` has weight 1."""


def main() -> None:
    """Print a table: identity, main colour and composition of each way, with the spread over the pictures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--subjects", type=int, default=24)
    parser.add_argument("--steps", type=int, default=10)
    add_record_option(parser)
    asked = parser.parse_args()
    stack = Stack(resolve_stack("miniature"), device="cpu", dtype=torch.float32)
    clip, reader = stack.clip(), PictureReader()
    zero, config = clip.zero_image_embeds(), GenerateConfig(num_inference_steps=asked.steps)
    config = config.preferring(stack.spec.generate)
    generator = seeded(0, "references")
    who = identities(asked.subjects, generator, held_out=True)
    cut_outs = torch.stack([render_cutouts(who, generator) for _ in range(REFERENCES)], dim=1)
    views = [clip.encode_pixels(each) for each in cut_outs]
    judge, composed = OracleLikeness(reader), OracleComposition(reader)
    nouns = [NOUNS[int(noun)] for noun in who.noun]
    known = [
        judge.embed([View(image, noun) for image in photographs(who[at : at + 1])]) for at, noun in enumerate(nouns)
    ]
    values = {}
    print(f"{'':14}{'identity':>16}{'main colour':>14}{'the rest':>16}")
    for way, (name, how) in WAYS.items():
        requests, texts = [], []
        for at, noun in enumerate(nouns):
            for number, words in enumerate(PROMPTS):
                prompt = bind(parse(words.format(name)), {"s": noun}, clip.tokenizer)
                seed = number + len(PROMPTS) * at
                requests.append(PictureRequest(prompt, seed, subject_embeds(prompt, {"s": list(views[at])}, how, seed)))
                texts.append(prompt.text)
        images = [picture.to_image() for picture in draw(stack, requests, zero, config)]
        drawn = judge.embed([View(image, nouns[row // len(PROMPTS)]) for row, image in enumerate(images)])
        identity = [likeness(drawn[row : row + 1], known[row // len(PROMPTS)]) for row in range(len(images))]
        main_colour = reader.read(images).nouns["main"]
        right = [
            float(main_colour[row, int(who.noun[row // len(PROMPTS)])].argmax() == who.main[row // len(PROMPTS)])
            for row in range(len(images))
        ]
        rest = composed.score(images, texts).tolist()
        values[way] = {
            "identity": {"mean": round(fmean(identity), 3), "spread": round(stdev(identity), 3)},
            "main": {"mean": round(fmean(right), 3)},
            "rest": {"mean": round(fmean(rest), 3), "spread": round(stdev(rest), 3)},
        }
        cells = values[way]
        print(
            f"{way:14}{cells['identity']['mean']:8.3f} ± {cells['identity']['spread']:.3f}{cells['main']['mean']:12.3f}"
            f"{cells['rest']['mean']:12.3f} ± {cells['rest']['spread']:.3f}",
            flush=True,
        )
    if asked.record:
        record(
            "references", "identity: cosine similarity; main: share of right answers; rest: mean probability", values
        )


def photographs(who: Identity) -> list[Image.Image]:
    """Return pictures of one subject in four places."""
    alone = torch.zeros(4, dtype=torch.int64)
    scene = scenes(4, seeded(1, "references"), who=in_every_slot(who[alone]), relation=alone, worn_share=0.0)
    pixels = (rearrange(render(scene, 64).images, "n c h w -> n h w c") * 255).round().byte().numpy()
    return [Image.fromarray(np.ascontiguousarray(each)) for each in pixels]


if __name__ == "__main__":
    main()
