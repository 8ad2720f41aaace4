"""Measure the miniature's limits as JSON: the loss of two subjects' looks, and the gain of a LoRA of 30 subjects.

python benchmarks/experiments/miniature_limits.py two --seeds 1000 1001 1002
python benchmarks/experiments/miniature_limits.py lora --learning-rates 1e-4 1e-3 --steps 400
"""

import argparse
import json
from dataclasses import replace

import torch

from lambda_studio.miniature.judge.measurements import Evaluation
from lambda_studio.miniature.judge.reader import load_reader
from lambda_studio.miniature.world.rendering import render, seen
from lambda_studio.models.stacks.stack import Stack, resolve_stack

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("what", choices=("two", "lora"))
parser.add_argument("--seeds", nargs="+", type=int, default=[1000])
parser.add_argument("--count", type=int, default=80, help="pictures of each seed")
parser.add_argument("--learning-rates", nargs="+", type=float, default=[1e-4, 1e-3])
parser.add_argument("--steps", type=int, default=400)
arguments = parser.parse_args()


def two(evaluation: Evaluation) -> dict[str, list[float]]:
    """Return the shares with both nouns right, and both with their main colours.

    The pictures are rendered, after MoVQ, generated from the rendered picture's own embedding, and zero-shot.
    """
    scene = evaluation.scenes("two", "beside", dressed=0.0)
    images, decoder = render(scene).images, evaluation.stack.decoder()
    pictures = {
        "rendered": images,
        "there and back through MoVQ": torch.cat([decoder.decode(decoder.encode(part)) for part in images.split(64)]),
        "drawn from its embedding": evaluation._draw(evaluation.clip.encode_pixels(seen(images), batch_size=128)),
        "zero-shot": evaluation._draw(evaluation._prior(scene, True)),
    }
    marks = {name: evaluation.reader.mark(each, scene) for name, each in pictures.items()}
    return {name: [round(mark.every("noun"), 3), round(mark.every("noun", "main"), 3)] for name, mark in marks.items()}


reader, spec, runs = load_reader(), resolve_stack("miniature"), []
for seed in arguments.seeds:
    if arguments.what == "two":
        found = two(Evaluation(Stack(spec), reader, arguments.count, seed, 20))
        runs.append({"seed": seed, "both nouns, both with their main colour": found})
    for rate in arguments.learning_rates if arguments.what == "lora" else ():
        changed = {**spec.finetune, "learning_rate": rate, "steps": arguments.steps}
        stack = Stack(replace(spec, finetune=changed))
        found = Evaluation(stack, reader, 2 * arguments.count, seed, 20).fine_tuned()  # of half as many scenes
        scores = {name: round(value, 4) for name, value in found.items()}
        runs.append({"seed": seed, "learning_rate": rate, "steps": arguments.steps, **scores})
print(json.dumps(runs, indent=1))
