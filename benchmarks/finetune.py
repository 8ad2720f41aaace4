"""Compare our fine-tuning with the work of the public script in each step, on the same model in the same process.

The script opens each picture's file, encodes it with MoVQ and CLIP, and steps PyTorch's AdamW; ours reads constants.
`paper` learns the photographs' embeddings, as the script does. `default` learns what `studio finetune` gives it for two
subjects with masks: with `--conditions scenes`, a step of a LoRA also predicts by the decoder without it.
The kinds alternate round by round, on one core. The output is ratios of the processor's seconds.

    python benchmarks/finetune.py --record       # steps, and the shares of a whole run: about a quarter of an hour
    python benchmarks/finetune.py --steps 5 --rounds 1 --no-whole
"""

import argparse
import itertools
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from statistics import median
from unittest.mock import patch

import torch
import torch.nn.functional as F
from kandinsky.public_script import to_pixels, write_pictures
from measured import add_record_option, over_seeds, record
from PIL import Image, ImageDraw
from torch import Tensor

from lambda_studio import FinetuneConfig, Studio
from lambda_studio.models.adapters.lora.attaching import add_lora, remove_lora
from lambda_studio.models.adapters.lora.shape import lora_shape
from lambda_studio.models.clip.clip import Clip
from lambda_studio.models.decoders.protocol import Decoder
from lambda_studio.models.stacks.stack import Stack, resolve_stack
from lambda_studio.pictures.crops import square_crop
from lambda_studio.training.examples import Example, encode_examples
from lambda_studio.training.finetuning import finetune_decoder
from lambda_studio.training.objectives.objectives import DecoderObjective
from lambda_studio.workflows.cache.training_set import ExampleTable
from lambda_studio.workflows.tuning import run as tuning
from lambda_studio.workflows.tuning.watching.previews import Previews

BATCH = 4
"""Pictures in an optimiser step of every kind."""
SCRIPTS = {"1 x 4": (1, 4), "4": (4, 1)}
"""The script's micro-batches: as its README runs it, and in one batch."""
METHODS = ("full", "lora")


class Script:
    """The public script's loop on a decoder and CLIP, for the whole UNet or for a LoRA of peft."""

    def __init__(self, decoder: Decoder, clip: Clip, files: list[Path], config: FinetuneConfig):
        self.decoder, self.clip, self.config = decoder, clip, config
        self.files = itertools.cycle(files)

    def run(self, steps: int, batch_size: int, accumulate: int) -> None:
        """Run optimiser steps."""
        parameters = trainable(self.decoder, self.config)
        adamw = torch.optim.AdamW(parameters, lr=1e-5, weight_decay=1e-2)
        for _ in range(steps):
            for _ in range(accumulate):
                (self._loss(batch_size) / accumulate).backward()
            torch.nn.utils.clip_grad_norm_(parameters, 1.0)
            adamw.step()
            adamw.zero_grad()

    def _loss(self, batch_size: int) -> Tensor:
        crops = [self._open() for _ in range(batch_size)]
        latents = self.decoder.encode(torch.stack([to_pixels(crop) for crop in crops])).clone()
        image_embeds = self.clip.encode_images([square_crop(crop, self.clip.image_size) for crop in crops]).clone()
        loss = noise_error(self.decoder, latents, image_embeds)
        loss.item()  # the script logs each loss
        return loss

    def _open(self) -> Image.Image:
        with Image.open(next(self.files)) as picture:
            return square_crop(picture.convert("RGB"), self.decoder.resolution)


def trainable(decoder: Decoder, config: FinetuneConfig) -> list[torch.nn.Parameter]:
    """Return the parameters that a method trains, in training mode."""
    decoder.unet.requires_grad_(config.method == "full").train()
    if config.method == "lora":
        add_lora(decoder.unet, lora_shape(config))
    return [each for each in decoder.unet.parameters() if each.requires_grad]


def noise_error(decoder: Decoder, latents: Tensor, image_embeds: Tensor) -> Tensor:
    """Return Eq. 2 at random timesteps."""
    noise, scheduler = torch.randn_like(latents), decoder.scheduler
    timesteps = torch.randint(scheduler.config.num_train_timesteps, (len(latents),))
    noisy_latents = scheduler.add_noise(latents, noise, timesteps)
    return F.mse_loss(decoder.predict_noise(noisy_latents, timesteps, image_embeds)[:, :4], noise)


def bare(decoder: Decoder, config: FinetuneConfig, latents: Tensor, image_embeds: Tensor, steps: int) -> None:
    """Run the UNet forward and backward on one batch, and nothing else."""
    trainable(decoder, config)
    for _ in range(steps):
        noise_error(decoder, latents, image_embeds).backward()
        decoder.unet.zero_grad()


class Gathered(Exception):
    """Ends a fine-tuning before its first step."""


def add_subjects(studio: Studio, folder: Path) -> list[str]:
    """Add two subjects of four pictures each, all with a mask, and return their names."""
    files, names = write_pictures(folder, 256), ["rex", "max"]
    mask = folder / "mask.png"
    with Image.open(files[0]) as picture:
        drawn = Image.new("L", picture.size)
    width, height = drawn.size
    ImageDraw.Draw(drawn).ellipse((width // 4, height // 4, 3 * width // 4, 3 * height // 4), fill=255)
    drawn.save(mask)
    for name, some in zip(names, (files[:4], files[4:]), strict=True):
        studio.concepts.add(name, some, noun="dog", masks=[mask] * len(some))
    return names


def examples_of_a_run(stack: str) -> list[Example]:
    """Return the examples that `studio finetune` makes by default: masks, predictions and other scenes."""
    found: list[Example] = []

    def gather(objective: DecoderObjective, *_: object) -> None:
        found.extend(objective.examples)
        raise Gathered

    with tempfile.TemporaryDirectory() as temporary, Studio(Path(temporary) / "home", stack=stack) as studio:
        names = add_subjects(studio, Path(temporary))
        with suppress(Gathered), patch.object(tuning, "finetune", gather):
            studio.finetune(names)
    return found


def steps_of_all(stack: Stack, source: str, steps: int, rounds: int) -> dict[str, list[float]]:
    """Return the seconds of a step of every kind, round by round, each from the same weights."""
    usual = examples_of_a_run(source)
    decoder, clip, side = stack.decoder(), stack.clip(("vision",)), stack.resolution
    weights = deepcopy(decoder.unet.state_dict())
    took: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        files = write_pictures(folder, 2 * side)
        pictures = [Image.open(file).convert("RGB") for file in files]
        examples = encode_examples(decoder, clip, ["a"] * len(files), [file.name for file in files], pictures, side)
        latents = torch.stack([example.latents for example in examples[:BATCH]])
        embeds = torch.stack([example.image_embeds for example in examples[:BATCH]])
        for number, method in itertools.product(range(rounds + 1), METHODS):
            config = FinetuneConfig(method=method, steps=steps, batch_size=BATCH).preferring(stack.spec.finetune)
            paper, runs = replace(config, conditions="paper"), folder / f"{method} {number}"
            script = Script(decoder, clip, files, paper)
            kinds: dict[str, Callable[[], object]] = {
                f"bare {method}": lambda c=paper: bare(decoder, c, latents, embeds, steps),
                f"paper {method}": lambda c=paper, at=runs: finetune_decoder(decoder, examples, c, at / "paper"),
                f"default {method}": lambda c=config, at=runs: finetune_decoder(decoder, usual, c, at / "default"),
                **{
                    f"script {method} {name}": lambda s=script, parts=parts: s.run(steps, *parts)
                    for name, parts in SCRIPTS.items()
                },
            }
            for name, run in kinds.items():
                began = time.process_time()
                run()
                if number:  # the first round warms up
                    took.setdefault(name, []).append((time.process_time() - began) / steps)
                remove_lora(decoder.unet)
                decoder.unet.load_state_dict(weights)
    return took


@contextmanager
def timed(kind: type, method: str, into: list[float]) -> Iterator[None]:
    """Add the seconds of each call of a class's method to a list."""
    plain = getattr(kind, method)

    def timing(*args: object, **named: object) -> object:
        began = time.process_time()
        try:
            return plain(*args, **named)
        finally:
            into.append(time.process_time() - began)

    with patch.object(kind, method, timing):
        yield


def shares_of_a_run(stack: str, steps: int | None) -> dict[str, float]:
    """Fine-tune on two subjects with all defaults. Return the seconds of the whole run, and of its parts."""
    encoding: list[float] = []
    previews: list[float] = []
    with tempfile.TemporaryDirectory() as temporary, Studio(Path(temporary) / "home", stack=stack) as studio:
        names = add_subjects(studio, Path(temporary))
        began = time.process_time()
        with timed(ExampleTable, "examples", encoding), timed(Previews, "draw", previews):
            studio.finetune(names, FinetuneConfig(steps=steps) if steps else FinetuneConfig())
        whole = time.process_time() - began
    return {"whole": whole, "encoding": sum(encoding), "previews": sum(previews)}


def report(took: dict[str, list[float]]) -> dict[str, dict[str, list[float]]]:
    """Print the milliseconds of a step, and return the ratios of each round, by method."""
    for name, times in took.items():
        print(f"{name:20}{1000 * median(times):8.0f} ms a step")
    found = {method: _ratios_of(took, method) for method in METHODS}
    for method, ratios in found.items():
        for name, rounds in ratios.items():
            print(f"{f'{method} {name}':40}{median(rounds):6.2f}   ({min(rounds):.2f} to {max(rounds):.2f})")
    return found


def _ratios_of(took: dict[str, list[float]], method: str) -> dict[str, list[float]]:
    """Return how long our steps take beside the bare passes and each other, and how much faster they are than theirs.

    `paper_beside_lora_1x4` is the script's step, as a LoRA in four micro-batches, divided by ours as the paper learns.
    """
    paper, default = took[f"paper {method}"], took[f"default {method}"]
    ratios = {"of_bare": _ratios(paper, took[f"bare {method}"]), "default_of_paper": _ratios(default, paper)}
    for name, other in itertools.product(SCRIPTS, dict.fromkeys(("full", method))):
        theirs, short = took[f"script {other} {name}"], f"{other}_{name.replace(' ', '')}"
        ratios |= {f"paper_beside_{short}": _ratios(theirs, paper), f"default_beside_{short}": _ratios(theirs, default)}
    return ratios


def _ratios(above: list[float], below: list[float]) -> list[float]:
    return [one / other for one, other in zip(above, below, strict=True)]


def main() -> None:
    """Run the benchmark and print the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stack", default="miniature")
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--whole", action=argparse.BooleanOptionalAction, default=True, help="also time a whole run")
    parser.add_argument("--whole-steps", type=int, help="steps of the whole run; by default the studio's own number")
    add_record_option(parser)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    stack = Stack(resolve_stack(asked.stack), device="cpu")
    values: dict[str, dict[str, object]] = {
        method: {name: over_seeds(rounds) for name, rounds in ratios.items()}
        for method, ratios in report(steps_of_all(stack, asked.stack, asked.steps, asked.rounds)).items()
    }
    if asked.whole:
        seconds = shares_of_a_run(asked.stack, asked.whole_steps)
        values["percent"] = {
            part: round(100 * seconds[part] / seconds["whole"], 2) for part in ("encoding", "previews")
        }
        for part, percent in values["percent"].items():
            print(f"{part}: {percent} % of a run of {seconds['whole']:.0f} s")
    if asked.record:
        record("finetune-speed", "ratios; percent of a whole run", values)


if __name__ == "__main__":
    main()
