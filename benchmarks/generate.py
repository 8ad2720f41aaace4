"""Compare how long pictures take: from the command line, in a session, and beside diffusers' pipeline. CPU, miniature.

    python -m benchmarks.generate [--pairs 5] [--pictures 16] [--against COMMIT] [--record]

The two sides of a pair alternate, so that other load on the machine affects both, and draw the same picture. A ratio is
the median over the pairs.

first: one picture from the command line, to the same command of an earlier commit, with today's weights of the
miniature. difference: of the two pictures.
next: one more picture in `studio session`, to that command.
rate: the pictures a second of many prompts in one call, to those of diffusers' `KandinskyV22Pipeline`, which is called
for each prompt with the embedding that the prior has predicted.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import numpy as np
import torch
from diffusers import KandinskyV22Pipeline
from einops import rearrange
from PIL import Image

from benchmarks.measured import ROOT, add_record_option, record
from lambda_studio.config import GenerateConfig
from lambda_studio.generation.generator import PictureRequest, predicted_embeds
from lambda_studio.generation.prompt import bind
from lambda_studio.generation.samplers import seeded_noise
from lambda_studio.generation.template import parse
from lambda_studio.miniature.world.identities import identities
from lambda_studio.miniature.world.rendering import render_cutouts
from lambda_studio.miniature.world.seeding import seeded
from lambda_studio.models.stacks.toml import resolve_stack
from lambda_studio.studio import Studio

BASELINE = "b98f3aa"
"""The commit at which the goals were set."""
WEIGHTS = "lambda_studio/miniature/weights"
PROMPT, SEED = "a <rex> on the beach", 1
GOALS = {"first": 0.6, "next": 0.25, "rate": 1.5}


def main() -> None:
    """Print each ratio with its goal, and whether the pictures are the same."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--pictures", type=int, default=16)
    parser.add_argument("--against", default=BASELINE, metavar="COMMIT")
    add_record_option(parser)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, checked_out(asked.against) as earlier:
        values = command_line(Path(folder), earlier, asked.pairs) | rates(Path(folder), asked.pairs, asked.pictures)
    print(json.dumps({"goals": GOALS, **values}, indent=1))
    if asked.record:
        record("generate", "times of the other side; pictures a second for rate", values)


@contextmanager
def checked_out(commit: str) -> Iterator[Path]:
    """Yield a folder with the files of an earlier commit, and with today's weights of the miniature."""
    with tempfile.TemporaryDirectory() as folder:
        packed = subprocess.run(["git", "archive", commit], cwd=ROOT, check=True, capture_output=True).stdout
        subprocess.run(["tar", "-x", "-C", folder], input=packed, check=True)
        shutil.rmtree(Path(folder) / WEIGHTS)
        shutil.copytree(ROOT / WEIGHTS, Path(folder) / WEIGHTS)  # with their configurations
        yield Path(folder)


def command_line(folder: Path, earlier: Path, pairs: int) -> dict[str, float]:
    """Return the ratios of one picture from the command line and of one in a session, and the largest difference."""
    photo = folder / "rex.png"
    pixels = rearrange(render_cutouts(identities(1, seeded(7), held_out=False), seeded(7))[0], "c h w -> h w c")
    Image.fromarray((pixels.numpy() * 255).round().astype(np.uint8)).save(photo)
    sides = {"then": earlier, "now": ROOT}
    for name, tree in sides.items():
        call(tree, folder / name, "add-concept", "rex", str(photo), "--noun", "dog", "--segment", "none")
        call(tree, folder / name, "generate", PROMPT, "--seed", str(SEED))  # writes the compiled modules, fills caches
    times: dict[str, list[float]] = {"first": [], "next": []}
    with session(folder / "now") as draw_next:
        for _ in range(pairs):
            then, now = (
                timed(lambda: call(tree, folder / name, "generate", PROMPT, "--seed", str(SEED)))  # noqa: B023  # at once
                for name, tree in sides.items()
            )
            times["first"].append(now / then)
            times["next"].append(timed(draw_next) / then)
    drawn = [opened(folder / name / "outputs" / "a-rex-on-the-beach-0001.png") for name in sides]
    return {name: round(median(each), 2) for name, each in times.items()} | {"difference": difference(*drawn)}


def call(tree: Path, home: Path, *words: str) -> None:
    """Run `studio` of one tree in a folder of its own."""
    home.mkdir(exist_ok=True)
    environment = {**os.environ, "STUDIO_HOME": str(home / "home"), "PYTHONPATH": str(tree)}
    command = [sys.executable, "-P", "-m", "cli", *words]
    subprocess.run(command, cwd=home, env=environment, check=True, capture_output=True)


@contextmanager
def session(home: Path) -> Iterator[Callable[[], None]]:
    """Yield a function that draws one more picture in a session, which has drawn one already."""
    environment = {**os.environ, "STUDIO_HOME": str(home / "home"), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-P", "-m", "cli", "session", "--seed", str(SEED), "--json"]
    with subprocess.Popen(
        command, cwd=home, env=environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin and process.stdout

        def draw_next() -> None:
            process.stdin.write(f"{PROMPT}\n")
            process.stdin.flush()
            assert "pictures" in json.loads(process.stdout.readline())["drawn"][0]

        draw_next()
        yield draw_next
        process.stdin.close()


def rates(folder: Path, pairs: int, count: int) -> dict[str, float]:
    """Return how many times as many pictures a second one call draws as diffusers' pipeline, with the same pictures."""
    prompts = [
        f"a {noun} {place}" for noun in ("dog", "cat", "mug", "car") for place in ("on the beach", "in the snow")
    ]
    prompts = (prompts * count)[:count]
    with Studio(folder / "rates", stack="miniature") as studio:
        stack = studio.workplace.stack
        config = GenerateConfig(seed=SEED, score=False).preferring(resolve_stack("miniature").generate)
        studio.generate_all(prompts[:1], config, adapter="none", out=folder / "warm")
        decoder, zero = stack.decoder(), studio.workplace.embedder.zero()
        pipeline = KandinskyV22Pipeline(decoder.unet, decoder.scheduler, decoder.movq)
        pipeline.set_progress_bar_config(disable=True)
        requests = [PictureRequest(bind(parse(prompt), {}, stack.tokenizer), SEED) for prompt in prompts]
        embeds = predicted_embeds(stack, requests, zero)

        def ours() -> None:
            studio.generate_all(prompts, config, adapter="none", out=folder / "rates-pictures")

        def theirs() -> list[Image.Image]:
            return [draw_with(pipeline, stack.resolution, row, zero, config) for row in embeds]

        found = [timed(theirs) / timed(ours) for _ in range(pairs)]
        unlike = difference(theirs()[0], opened(folder / "rates-pictures" / "a-dog-on-the-beach-0001.png"))
    return {"rate": round(median(found), 2), "pictures": count, "difference-of-rate": unlike}


def draw_with(
    pipeline: KandinskyV22Pipeline, side: int, image_embeds: torch.Tensor, zero: torch.Tensor, config: GenerateConfig
) -> Image.Image:
    """Draw one picture of `side` pixels with diffusers' pipeline, from the noise that ours begins with."""
    channels, latent = pipeline.unet.config.in_channels, side // pipeline.movq_scale_factor
    drawn = pipeline(
        image_embeds=image_embeds[None],
        negative_image_embeds=zero[None],
        height=side,
        width=side,
        num_inference_steps=config.num_inference_steps,
        guidance_scale=config.guidance_scale,
        latents=seeded_noise(SEED, (1, channels, latent, latent)),
    )
    return drawn.images[0]


def opened(path: Path) -> Image.Image:
    """Return a picture file's picture."""
    with Image.open(path) as image:
        return image.convert("RGB")


def difference(one: Image.Image, other: Image.Image) -> int:
    """Return the largest difference of two pictures' values, of 255."""
    return int(abs(np.asarray(one, dtype=int) - np.asarray(other, dtype=int)).max())


def timed(work: Callable[[], object]) -> float:
    """Return the seconds that `work` takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
