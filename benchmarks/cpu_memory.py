"""Compare the memory that is counted before drawing and training on a CPU with the most that a process takes.

Kandinsky 2.2 at its real size, in float32, on random weights: nothing is downloaded. Each row has a process of its own,
which draws one picture in one step with guidance, or trains for four steps. What the process took before the weights
were made is taken off. The machine needs 12 GiB of free memory for the largest row; four rows take about ten minutes
on one core.

    python benchmarks/cpu_memory.py [--rows draws-256 lora-256] [--record]
    python benchmarks/cpu_memory.py --tiny       # the same code on tiny networks
"""

import argparse
import json
import tempfile
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

import torch
from kandinsky.drawing import random_embeds
from kandinsky.meter import Bench
from kandinsky.shapes import FULL, TINY
from kandinsky.weights import Models
from measured import add_record_option, record

from lambda_studio.config import FinetuneConfig, GenerateConfig, Size
from lambda_studio.generation.generator import draw_embeds
from lambda_studio.models.decoders.kandinsky_files import FOLDERS
from lambda_studio.models.decoders.kandinsky_memory import drawing_footprint, unet_blueprint
from lambda_studio.models.files.sources import Source
from lambda_studio.models.memory.hardware import process_peak
from lambda_studio.models.stacks.planning import needed
from lambda_studio.training.examples import Example
from lambda_studio.training.finetuning import train_config
from lambda_studio.training.objectives.objectives import DecoderObjective
from lambda_studio.training.planning.memory import training_bytes
from lambda_studio.training.planning.planning import plan_training
from lambda_studio.training.planning.timing import seconds_a_step

GIB = 2**30
ROWS = ("draws-256", "draws-512", "lora-256", "lora-512")
"""What is done, and at how many pixels."""


def main() -> None:
    """Measure the rows, and print counted and taken memory as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", nargs="+", default=ROWS, choices=ROWS)
    parser.add_argument("--tiny", action="store_true", help="tiny networks and pictures")
    add_record_option(parser)
    asked = parser.parse_args()
    values: dict[str, float] = {}
    for row in asked.rows:
        with ProcessPoolExecutor(1, get_context("spawn")) as alone:
            for name, size in alone.submit(_measured, row, asked.tiny).result().items():
                values[f"{row} {name}"] = round(size / GIB, 2)
        values[f"{row} taken to counted"] = round(values[f"{row} taken"] / values[f"{row} counted"], 3)
        print(json.dumps({name: value for name, value in values.items() if name.startswith(row)}), flush=True)
    if asked.record:
        record("cpu-memory", "GiB, and ratios", values)


def _measured(row: str, tiny: bool) -> dict[str, int]:
    """Return the bytes that are counted for a row and those that it takes, in this process."""
    what, pixels = row.split("-")
    side = 64 if tiny else int(pixels)
    models = Models(replace(TINY if tiny else FULL, resolution=side), torch.device("cpu"))
    count, take = (_counted_drawing, _draw) if what == "draws" else (_counted_training, _train)
    counted = count(models)
    before = process_peak()
    take(models)
    after = process_peak()
    assert before is not None and after is not None, "this system does not tell the memory of a process"
    return {"counted": counted, "taken": after - before}


def _counted_drawing(models: Models) -> int:
    with tempfile.TemporaryDirectory() as folder:
        footprint = drawing_footprint(_source(models, folder), Size.square(models.shapes.resolution), torch.float32)
    return needed(footprint, 1)


def _counted_training(models: Models) -> int:
    with tempfile.TemporaryDirectory() as folder:
        blueprint = unet_blueprint(_source(models, folder), models.shapes.resolution, torch.float32)
    return plan_training(_config(), 0, lambda way: training_bytes(blueprint, way), of_gpu=False).needed


def _source(models: Models, folder: str) -> Source:
    """Write the networks' configurations to a folder, and return it as a source."""
    for name, config in ((FOLDERS["unet"], models.shapes.unet), (FOLDERS["autoencoder"], models.shapes.movq)):
        (Path(folder) / name).mkdir()
        (Path(folder) / name / "config.json").write_text(json.dumps(dict(config)))
    return Source(f"local-dir:{folder}")


def _draw(models: Models) -> None:
    bench = Bench(models=models, tiny=False, seconds=0)
    embeds, zero = random_embeds(bench, 1)
    config = GenerateConfig(num_inference_steps=1, resolution=models.shapes.resolution)
    draw_embeds(models.decoder(torch.float32), embeds, zero, [0], config)


def _train(models: Models) -> None:
    decoder = models.decoder(torch.float32, ("unet",))
    shape = decoder.latent_shape(Size.square(models.shapes.resolution))
    example = Example("none", "", torch.zeros(shape), torch.zeros(models.shapes.unet["encoder_hid_dim"]))
    seconds_a_step(DecoderObjective(decoder, [example], _config()), train_config(_config()))


def _config() -> FinetuneConfig:
    """Return settings with batches of one that no plan changes."""
    return FinetuneConfig(batch_size=1, gradient_checkpointing=False)


if __name__ == "__main__":
    main()
