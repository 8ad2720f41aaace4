"""Train the miniature's stages beside each other on one device, and bring their weights to one folder.

    python benchmarks/recipe.py WORK --out RESULTS
    python benchmarks/recipe.py WORK --out RESULTS --start lambda_studio/miniature/weights
    python benchmarks/recipe.py WORK --out RESULTS --share 0.001 --device cpu

The stages are those of `studio miniature train WORK`, one process each: from nothing CLIP and MoVQ, then those that
need them; with `--start` all at once, without CLIP. RESULTS gets each stage's weights (safetensors), and a JSON file
with its device, its seconds and its losses. The same command continues a stopped run.

After `--seconds` the stages are stopped. Of a stage that is not finished, RESULTS gets the latest checkpoint, as
NAME-step-N.safetensors. The exit status is 1 if a stage failed.
"""

import argparse
import json
import multiprocessing
import os
import platform
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from lambda_studio.miniature.recipe import networks
from lambda_studio.miniature.recipe.kept import weights_file
from lambda_studio.miniature.recipe.opening import open_recipe
from lambda_studio.miniature.recipe.recipe import PART_WEIGHTS, Recipe
from lambda_studio.miniature.recipe.stages.control import control_whitening
from lambda_studio.miniature.recipe.stages.whitening import Whitening, readers
from lambda_studio.training.checkpoints.checkpoint import Checkpoint, latest_checkpoint

STAGES = {
    "clip": "clip",
    "movq": "decoder/movq",
    "decoding": "decoder/movq",
    "decoder": "decoder/unet",
    "prior": "prior",
    "control": "prior",
    "oracle": "oracle",
}
"""The stages and the folders of their weights."""
FROM_NOTHING = (("clip", "movq"), ("decoder", "prior", "oracle"), ("control", "decoding"))
"""The stages that are trained beside each other, one group after the other."""
CONTINUING = (("decoder", "oracle", "prior", "movq"), ("control", "decoding"))
"""The same of a recipe that goes on from earlier weights."""


def main() -> None:
    """Train the stages beside each other."""
    asked, began = options(), time.perf_counter()
    asked.out.mkdir(parents=True, exist_ok=True)
    end = None if asked.seconds is None else time.monotonic() + asked.seconds
    groups, failed = CONTINUING if asked.start else FROM_NOTHING, []
    recipe = opened(asked, asked.device)
    lacking = [n for n in groups[0] if n not in asked.only and not weights_file(recipe.work, n).exists()]
    if lacking and not set(asked.only) <= set(groups[0]):
        sys.exit(f"The other stages need {' and '.join(lacking)}: name them too, or leave --only out.")
    if asked.start:
        recipe.train_clip()  # copies CLIP, which all stages read
    else:
        recipe.corpus  # noqa: B018  # the property draws the corpus, which the first stages read
    for group in groups:
        waiting = [name for name in group if name in asked.only and not weights_file(recipe.work, name).exists()]
        threads = max(1, (os.cpu_count() or 1) // len(group))
        left = None if end is None else max(0.0, end - time.monotonic())
        failed += run_beside({name: (run_stage, (name, asked, threads)) for name in waiting}, left)
        if failed or not all(weights_file(recipe.work, name).exists() for name in group):
            break  # the next group needs this one
    for name in asked.only:
        bring(recipe, name, asked.out)
    print(f"all: {time.perf_counter() - began:.1f} s", flush=True)
    sys.exit(f"failed: {', '.join(failed)}" if failed else 0)


def options() -> argparse.Namespace:
    """Return the command's options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path, metavar="WORK", help="the folder of `studio miniature train`")
    parser.add_argument("--start", type=Path, help="the weights to go on from; default: from nothing")
    parser.add_argument("--out", type=Path, required=True, help="the folder of the results")
    parser.add_argument("--only", nargs="+", choices=STAGES, help="train only these stages")
    parser.add_argument("--share", type=float, default=1.0, help="train only this share of the steps")
    parser.add_argument("--device", choices=("cpu", "cuda"), help="default: a GPU if there is one")
    parser.add_argument("--seconds", type=float, help="stop the stages after this time; default: never")
    asked = parser.parse_args()
    asked.only = asked.only or [name for group in (CONTINUING if asked.start else FROM_NOTHING) for name in group]
    return asked


def run_beside(calls: Mapping[str, tuple[Callable[..., Any], tuple]], seconds: float | None) -> list[str]:
    """Run each call in a process of its own, stop all after `seconds`, and return the names of the failed ones."""
    context = multiprocessing.get_context("spawn")  # a forked process cannot use the GPU
    running = {name: context.Process(target=call, args=given) for name, (call, given) in calls.items()}
    for process in running.values():
        process.start()
    end = None if seconds is None else time.monotonic() + seconds
    for process in running.values():
        process.join(None if end is None else max(0.0, end - time.monotonic()))
    stopped = [name for name, process in running.items() if process.is_alive()]
    for name in stopped:
        running[name].kill()
        running[name].join()
    return [name for name, process in running.items() if process.exitcode and name not in stopped]


def run_stage(name: str, asked: argparse.Namespace, threads: int) -> None:
    """Train one stage, and write its report."""
    torch.set_num_threads(threads)
    recipe, began = opened(asked, asked.device), time.perf_counter()
    getattr(recipe, f"train_{name}")()
    log = recipe.work / name / "loss.jsonl"
    if not log.exists():
        print(f"{name}: nothing was trained", flush=True)
        return
    config = getattr(recipe.config, name)
    report = {
        "device": torch.cuda.get_device_name() if recipe.config.device == "cuda" else platform.machine(),
        "torch": torch.__version__,
        "share": asked.share,
        "steps": config.steps,
        "batch_size": config.batch_size,
        "seconds": round(time.perf_counter() - began, 1),
    }
    print(json.dumps({name: report}), flush=True)
    losses = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    (asked.out / f"{name}.json").write_text(json.dumps(report | {"losses": losses}, indent=1) + "\n", encoding="utf-8")


def opened(asked: argparse.Namespace, device: str | None) -> Recipe:
    """Return the recipe in the work folder."""
    return open_recipe(asked.work, asked.share, device, False, printed, asked.start)


@contextmanager
def printed(what: str, total: int) -> Iterator[Callable[..., None]]:
    """Print every few seconds how far the work is."""
    done, last = 0, time.perf_counter()

    def advance(count: int = 1, note: str = "") -> None:
        nonlocal done, last
        done += count
        if time.perf_counter() - last > 5 or done >= total:
            last = time.perf_counter()
            print(f"{time.strftime('%X')}  {what}: {done} of {total}  {note}", flush=True)

    yield advance


def bring(recipe: Recipe, name: str, out: Path) -> None:
    """Copy a stage's weights to `out`, or else its latest checkpoint."""
    weights = weights_file(recipe.work, name)
    if weights.exists():
        shutil.copyfile(weights, out / f"{name}.safetensors")
        return
    checkpoint = latest_checkpoint(recipe.work / name / "checkpoints")
    print(name, "is not finished:", f"step {checkpoint.step}" if checkpoint else "no checkpoint", flush=True)
    if checkpoint:
        save_file(weights_of(recipe, name, checkpoint), out / f"{name}-step-{checkpoint.step}.safetensors")


def weights_of(recipe: Recipe, name: str, checkpoint: Checkpoint) -> dict[str, Tensor]:
    """Return a checkpoint in the form of the stage's finished weights."""
    start, state = recipe.config.start, {}
    if name == "decoding":  # the parts that the stage does not train are of an earlier one
        state = load_file(weights_file(recipe.work, "movq"))
    elif start:
        state = load_file(start / STAGES[name] / PART_WEIGHTS)
    trained = "average" if "average" in checkpoint.parts else "parameters"
    for part in (trained, "buffers") if "buffers" in checkpoint.parts else (trained,):
        state |= checkpoint.load(part)[part]
    if name == "clip":  # trained with a readout and an oracle
        state = {key.removeprefix("clip."): value for key, value in state.items() if key.startswith("clip.")}
    if name == "decoder":
        unet = networks.build_unet()
        unet.load_state_dict(state)
        Whitening.of(recipe.targets()["image_embeds"]).fold_into(*readers(unet))
        state = unet.state_dict()
    if name == "control":
        prior = networks.build_prior()
        prior.load_state_dict(state)
        control_whitening(recipe.embedded()).fold_into(prior.embedding_control)
        state = prior.state_dict()
    return {key: (value.half() if value.is_floating_point() else value).contiguous() for key, value in state.items()}


if __name__ == "__main__":
    main()
