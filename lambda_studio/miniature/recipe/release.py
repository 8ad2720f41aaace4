"""Weights that are about to ship: exported beside their place, measured, and put there if they are no worse."""

import json
from dataclasses import asdict
from pathlib import Path

from concepts.durable import publish
from lambda_studio.errors import OutputExists, QualityTooLow
from lambda_studio.miniature.judge.report import Report, load_quality, measure, shortfalls
from lambda_studio.miniature.recipe.recipe import Recipe, RecipeConfig
from lambda_studio.models.stack import BUILT_IN, StackSpec
from lambda_studio.progress import Progress


def refuse_existing(folder: Path) -> None:
    """Raises OutputExists where something is: better before hours of training than after."""
    for taken in (folder, _staged(folder)):
        if taken.exists():
            raise OutputExists(f"{taken} is already there.", "Move it away, or name another folder: --export DIR")


def _staged(folder: Path) -> Path:
    return folder.with_name(folder.name + ".unchecked")


def release(recipe: Recipe, folder: Path, progress: Progress) -> Report:
    """Export what `recipe` trained to `folder`, with `quality.json`, what it measured there.

    Raises OutputExists, and QualityTooLow where a figure is below the card's: the weights then lie beside `folder`.
    """
    refuse_existing(folder)
    staged = _staged(folder)
    recipe.export(staged)
    report = measure(exported(staged), staged / "oracle", progress=progress)
    (staged / "quality.json").write_text(json.dumps(asdict(report), indent=1) + "\n", encoding="utf-8")
    short = shortfalls(report, load_quality())
    if short:
        raise QualityTooLow(
            f"These weights are worse than those that ship ({'; '.join(short)}).", f"They are in {staged}."
        )
    publish(staged, folder)
    return report


def exported(folder: Path) -> StackSpec:
    """The stack in a folder that `Recipe.export` wrote, used as the miniature is."""
    built_in = BUILT_IN["miniature"]
    return StackSpec(
        name="miniature",
        clip=f"local-dir:{folder / 'clip'}",
        prior=str(folder / "prior"),
        decoder=str(folder / "decoder"),
        precision=built_in.precision,
        edges=RecipeConfig.edges,
        generate=built_in.generate,
        finetune=built_in.finetune,
    )
