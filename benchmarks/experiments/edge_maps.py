"""Compare how well the miniature's CLIP and prior know the edge maps `canny` and `gradient`, as JSON.

python benchmarks/experiments/edge_maps.py --seeds 1000 1001 1002

Held-out pictures are rendered, and each map finds their edges. For each map:

- `cosine`: the similarity with the embedding of the same picture's gradient map;
- `finds_gradient`: how often that embedding is the nearest among `--count`;
- `finds_picture`: how often the picture's own embedding is nearest to its map's;
- `leads_prior`, `leads_caption`: how often the prior's prediction is nearest to the picture's embedding. The prompt is
  "a picture" or the plain caption, with the map; `none` is without a map;
- `microseconds`: the time to find the edges of one picture of 128 x 128 pixels, on one core.
"""

import argparse
import json
import time

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from lambda_studio.generation.generator import condition_prompts, predict_image_embeds
from lambda_studio.generation.prompt import bind
from lambda_studio.generation.template import parse
from lambda_studio.miniature.recipe.corpus import edges
from lambda_studio.miniature.world.captions import captions
from lambda_studio.miniature.world.rendering import render, seen
from lambda_studio.miniature.world.scenes import scenes
from lambda_studio.miniature.world.seeding import seeded
from lambda_studio.models.stacks.stack import EDGE_MAPS, Stack, resolve_stack

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--seeds", nargs="+", type=int, default=[1000])
parser.add_argument("--count", type=int, default=64, help="pictures of each seed, the candidates of the search")
arguments = parser.parse_args()
stack = Stack(resolve_stack("miniature"))
clip = stack.clip()


def cosines(first: Tensor, second: Tensor) -> Tensor:
    return F.normalize(first, dim=-1) @ F.normalize(second, dim=-1).T


def found(first: Tensor, second: Tensor) -> float:
    """Return how often the nearest row of `second` is the row of `first`."""
    return (cosines(first, second).argmax(1) == torch.arange(len(first))).float().mean().item()


def led(control: Tensor, pictures: Tensor, words: list[str], seed: int) -> dict[str, float]:
    """Return how often the prior's prediction is nearest to the picture of the given map."""
    shares = {}
    for name, texts in (("leads_prior", ["a picture"] * len(words)), ("leads_caption", words)):
        prompts = [bind(parse(text), {}, clip.tokenizer) for text in texts]
        inputs = condition_prompts(clip, prompts, [{}] * len(words), control)
        predicted = predict_image_embeds(stack.prior(), inputs, range(seed, seed + len(words)))
        shares[name] = found(predicted, pictures)
    return shares


def measured(seed: int) -> dict[str, dict[str, float]]:
    scene = scenes(arguments.count, seeded(seed, "edge maps"), held_out=True)
    words = [caption.text for caption in captions(scene, seeded(seed, "words"), attributes=0.0)]
    images = render(scene).images
    pixels = (images * 255).round().byte().permute(0, 2, 3, 1).numpy()
    pictures, rows = clip.encode_pixels(seen((images * 255).round() / 255)), torch.arange(len(pixels))
    learnt = clip.encode_pixels(seen(edges(pixels, rows, "gradient")))
    values = {}
    for name in EDGE_MAPS:
        began = time.perf_counter()
        maps = edges(pixels, rows, name)
        spent = time.perf_counter() - began
        embeds = clip.encode_pixels(seen(maps))
        values[name] = {
            "cosine": cosines(embeds, learnt).diagonal().mean().item(),
            "finds_gradient": found(embeds, learnt),
            "finds_picture": found(embeds, pictures),
            "microseconds": 1e6 * spent / len(pixels),
            **led(embeds, pictures, words, seed),
        }
    unled = clip.zero_image_embeds().expand(len(pixels), -1)
    return values | {"none": led(unled, pictures, words, seed)}


runs = [measured(seed) for seed in arguments.seeds]
means = {
    name: {key: round(float(np.mean([run[name][key] for run in runs])), 3) for key in runs[0][name]} for name in runs[0]
}
print(json.dumps({"mean": means, "runs": runs}, indent=1))
