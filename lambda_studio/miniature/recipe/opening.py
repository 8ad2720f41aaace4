"""Open a recipe in its work folder, with its settings checked."""

import os
import shlex
import shutil
from dataclasses import replace
from pathlib import Path

import torch

from lambda_studio.config import require
from lambda_studio.miniature.recipe.config import RecipeConfig
from lambda_studio.miniature.recipe.recipe import CLIP_WEIGHTS, PART_WEIGHTS, Recipe
from lambda_studio.models.stacks.stack import BUILT_IN
from lambda_studio.progress import Progress

MOST_WORKERS = 4
"""The most processes that write one stage's words. Python takes longer for those of a batch than a GPU for its step."""


def open_recipe(
    work: Path,
    share: float,
    device: str | None,
    compiled: bool,
    progress: Progress,
    start: Path | None = None,
    seed: int = RecipeConfig.seed,
) -> Recipe:
    """Return the recipe in the folder `work`, by default on a GPU if there is one. Raises InvalidSetting."""
    require(0 < share <= 1, f"share is {share}.", "Give a share above 0 and up to 1.", "share")
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    require(
        device == "cpu" or (device == "cuda" and torch.cuda.is_available()),
        f"There is no device {device!r} here.",
        "Give device=cpu, or cuda where there is a GPU.",
    )
    compilers = (os.environ.get("CXX"), "c++", "g++", "clang++")
    found = not compiled or any(name and shutil.which(name) for name in compilers)
    cause = "compiled needs a C++ compiler, and there is none."
    require(found, cause, "Leave compiled out, or install g++.", "compiled")
    config = RecipeConfig.continuing(start, BUILT_IN["miniature"].edges) if start else RecipeConfig.from_nothing(device)
    if start:
        _refuse_work_folder(start, work)
        missing = [path for path in _begun_from(start) if not path.is_file()]
        cause = f"{missing[0]} is not there." if missing else ""
        require(not missing, cause, "Give a folder that `studio miniature train --export` wrote.", "start")
    workers = 0 if device == "cpu" else min(MOST_WORKERS, (os.cpu_count() or 1) // 4)
    config = replace(config, seed=seed, device=device, compiled=compiled, workers=workers)
    recipe = Recipe(work, config.scaled(share), progress)
    is_begun = (work / "share.txt").exists()
    _refuse_another(work, "share", str(share))
    _refuse_another(work, "seed", str(seed), str(RecipeConfig.seed) if is_begun else None)
    _refuse_another(work, "start", str(start.resolve()) if start else "none")
    return recipe


def _refuse_work_folder(start: Path, work: Path) -> None:
    """Refuse the folder of a training in place of exported weights. Raises InvalidSetting."""
    cause = f"{start} is the folder of this training itself, not exported weights."
    remedy = "Leave out start to go on with a stopped training."
    require(start.resolve() != work.resolve(), cause, remedy, "start")
    cause = f"{start} is the folder that another training works in, not exported weights."
    remedy = f"Export its result: studio miniature train {shlex.quote(str(start))} --export DIR"
    require(not (start / "share.txt").exists(), cause, remedy, "start")


def _begun_from(start: Path) -> list[Path]:
    """Return the weights' files that a recipe goes on from."""
    parts = ("decoder/movq", "decoder/unet", "prior", "oracle")
    return [start / "clip" / CLIP_WEIGHTS, *(start / part / PART_WEIGHTS for part in parts)]


def _refuse_another(work: Path, setting: str, value: str, earlier: str | None = None) -> None:
    """Refuse a folder of another setting: finished stages are not re-run, so a trial would pass for the full recipe.

    `earlier` is the value of a folder that was begun before the setting was written.
    """
    kept = work / f"{setting}.txt"
    if not kept.exists():
        kept.write_text(f"{earlier or value}\n", encoding="utf-8")
    began = kept.read_text(encoding="utf-8").strip()
    cause = f"{work} was started with {setting}={began}."
    remedy = f"Leave out {setting}, or give another folder."
    require(began == value, cause, remedy if began == "none" else f"Give {setting}={began}, or another folder.")
