"""Measure how few steps each sampler needs: the PSNR to DDIM's picture of 500 steps, from the same noise and embedding.

python -m benchmarks.experiments.samplers [--steps 5 8 12 20 50] [--record]

ddpm draws noise of its own in each step, so that it has no picture to come near to, and is left out.
"""

import argparse
from itertools import product

import torch
from torch import Tensor

from benchmarks.measured import add_record_option, record
from lambda_studio.config import GenerateConfig
from lambda_studio.generation.generator import condition_prompts, predict_image_embeds
from lambda_studio.generation.prompt import bind
from lambda_studio.generation.samplers import sample
from lambda_studio.generation.template import parse
from lambda_studio.models.stacks.stack import Stack, resolve_stack
from lambda_studio.settings.drawing import SAMPLERS

SUBJECTS = (
    "a red dog",
    "a blue cat",
    "a green robot",
    "a striped vase",
    "a spotted mug",
    "a yellow bird wearing a hat",
)
PLACES = ("on the beach", "in the snow", "in the city", "in the forest")
SEEDS = range(len(SUBJECTS) * len(PLACES))


def main() -> None:
    """Print a table: the mean PSNR and its spread over the pictures, in dB."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stack", default="miniature")
    parser.add_argument("--steps", nargs="+", type=int, default=[5, 8, 12, 20, 50])
    add_record_option(parser)
    asked = parser.parse_args()
    stack = Stack(resolve_stack(asked.stack), device="cpu", dtype=torch.float32)
    clip, prior, decoder = stack.clip(), stack.prior(), stack.decoder()
    zero = clip.zero_image_embeds()
    prompts = [bind(parse(f"{who} {where}"), {}, clip.tokenizer) for who, where in product(SUBJECTS, PLACES)]
    embeds = predict_image_embeds(prior, condition_prompts(clip, prompts, [{}] * len(prompts), zero), SEEDS)

    def drawn(sampler: str, steps: int) -> Tensor:
        config = GenerateConfig(sampler=sampler, num_inference_steps=steps).preferring(stack.spec.generate)
        return sample(decoder, embeds, zero, SEEDS, config).cpu()

    whole = drawn("ddim", 500)
    print("steps    ", *(f"{steps:>12}" for steps in asked.steps))
    values: dict[str, dict[str, dict[str, float]]] = {}
    for sampler in (name for name in SAMPLERS if name not in ("ddpm", "lcm")):
        cells, values[sampler] = [], {}
        for steps in asked.steps:
            errors = (drawn(sampler, steps) - whole).pow(2).mean(dim=(1, 2, 3))
            psnr = -10 * torch.log10(errors)
            cells.append(f"{psnr.mean():6.1f} ± {psnr.std():3.1f}")
            values[sampler][str(steps)] = {"mean": round(float(psnr.mean()), 2), "spread": round(float(psnr.std()), 2)}
        print(f"{sampler:9}", *(f"{cell:>12}" for cell in cells), flush=True)
    if asked.record:
        record("samplers", "dB; mean and standard deviation over 24 pictures", values)


if __name__ == "__main__":
    main()
