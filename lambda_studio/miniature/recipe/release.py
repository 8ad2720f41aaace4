"""The release of new weights: export to a staging folder, measure, and publish if no measurement is worse."""

import json
from dataclasses import asdict
from pathlib import Path

from concepts.durable import publish
from lambda_studio.errors import OutputExists, QualityTooLow
from lambda_studio.miniature.judge.report import Report, load_quality, measure, shortfalls
from lambda_studio.miniature.recipe.config import RecipeConfig
from lambda_studio.miniature.recipe.recipe import Recipe
from lambda_studio.models.stacks.stack import BUILT_IN, StackSpec
from lambda_studio.progress import Progress


def refuse_existing(folder: Path) -> None:
    """Raise OutputExists if `folder` or its staging folder exists: a check before hours of training."""
    for taken in (folder, staging_folder(folder)):
        if taken.exists():
            raise OutputExists(f"{taken} is already there.", "Move it away, or name another folder: export=DIR")


def staging_folder(folder: Path) -> Path:
    """Return where weights are before they are measured."""
    return folder.with_name(folder.name + ".unchecked")


def release(recipe: Recipe, folder: Path, progress: Progress) -> Report:
    """Export the weights of `recipe` to `folder`, with their measurements in `quality.json`.

    Raises:
        OutputExists: `folder` or its staging folder exists.
        QualityTooLow: a measurement is below the card's. The weights stay in the staging folder beside `folder`.
    """
    refuse_existing(folder)
    staged = staging_folder(folder)
    recipe.export(staged)
    report = measure(exported(staged, recipe.config.edges), staged / "oracle", progress=progress)
    (staged / "quality.json").write_text(json.dumps(asdict(report), indent=1) + "\n", encoding="utf-8")
    short = shortfalls(report, load_quality())
    if short:
        raise QualityTooLow(
            f"The new weights are worse than the weights in the package ({'; '.join(short)}).",
            f"The new weights are in {staged}.",
        )
    publish(staged, folder)
    return report


def exported(folder: Path, edges: str = RecipeConfig.edges) -> StackSpec:
    """Return the stack of a folder that `Recipe.export` wrote, with the miniature's settings."""
    built_in = BUILT_IN["miniature"]
    return StackSpec(
        name="miniature",
        clip=f"local-dir:{folder / 'clip'}",
        prior=str(folder / "prior"),
        decoder=str(folder / "decoder"),
        precision=built_in.precision,
        edges=edges,
        generate=built_in.generate,
        finetune=built_in.finetune,
    )
