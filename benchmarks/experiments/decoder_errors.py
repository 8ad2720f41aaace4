"""Print the one-step prediction error of the miniature's decoder by noise level, as JSON.

python benchmarks/experiments/decoder_errors.py [--unet FILE.safetensors]

The pictures show one and two held-out subjects, with the same noise in each run. This measure is finer than the
oracle's, so that two trainings can be compared after minutes. Errors are of latents, weighted by `focus`.
"""

import argparse
import json
from pathlib import Path

import torch
from safetensors.torch import load_file

from lambda_studio.miniature.judge.measurements import Evaluation
from lambda_studio.miniature.judge.reader import load_reader
from lambda_studio.miniature.recipe.networks import build_scheduler
from lambda_studio.miniature.recipe.stages.movq import focus
from lambda_studio.miniature.world.rendering import render, seen
from lambda_studio.miniature.world.scenes import Scene
from lambda_studio.models.stacks.stack import Stack, resolve_stack

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--unet", type=Path, help="a UNet's weights, instead of the packaged ones")
parser.add_argument("--count", type=int, default=384, help="pictures of one subject, and of two")
parser.add_argument("--seed", type=int, default=7000)
parser.add_argument("--timesteps", nargs="+", type=int, default=[375, 500, 625, 750, 875])
arguments = parser.parse_args()
if arguments.unet and not arguments.unet.is_file():
    parser.error(f"--unet: {arguments.unet} is no file. Give a UNet's .safetensors.")


@torch.inference_mode()
def errors(evaluation: Evaluation, scene: Scene) -> dict[int, float]:
    """Return the mean squared error of the predicted latents by timestep."""
    decoder, drawn, kept = evaluation.stack.decoder(), render(scene), build_scheduler().alphas_cumprod
    latents, embeds = decoder.encode(drawn.images), evaluation.clip.encode_pixels(seen(drawn.images), batch_size=128)
    weight = focus(drawn)[:, None]
    found = {}
    for timestep in arguments.timesteps:
        noise = torch.randn(latents.shape, generator=torch.Generator().manual_seed(timestep))
        signal, spread = kept[timestep].sqrt(), (1 - kept[timestep]).sqrt()
        noisy = signal * latents + spread * noise
        parts = zip(noisy.split(64), embeds.split(64), strict=True)
        said = torch.cat([decoder.predict_noise(part, torch.tensor(timestep), of)[:, :4] for part, of in parts])
        off = (noise - said) * spread / signal
        found[timestep] = round((off.pow(2) * weight).mean().item(), 4)
    return found


evaluation = Evaluation(Stack(resolve_stack("miniature")), load_reader(), arguments.count, arguments.seed)
if arguments.unet:
    evaluation.stack.decoder().unet.load_state_dict(load_file(arguments.unet))
scenes = {"one": evaluation.scenes("decoder"), "two": evaluation.scenes("two", "beside", dressed=0.0)}
print(json.dumps({name: errors(evaluation, scene) for name, scene in scenes.items()}, indent=1))
