"""What a work folder of the recipe has of a training."""

from dataclasses import dataclass
from pathlib import Path

from lambda_studio.formats import CHECKPOINT_NAME
from lambda_studio.miniature.recipe.config import STAGES
from lambda_studio.miniature.recipe.recipe import CLIP_WEIGHTS


@dataclass(frozen=True)
class Kept:
    """The stages of a training that the recipe goes on with."""

    trained: tuple[str, ...]
    """The stages that have ended."""
    steps: dict[str, int]
    """The step of the newest checkpoint of each other stage that has one."""


def kept_in(work: Path) -> Kept:
    """Return what the folder has, by the names of its files: nothing is read."""
    trained = tuple(stage for stage in STAGES if weights_file(work, stage).is_file())
    steps = {stage: _step(work / stage) for stage in STAGES if stage not in trained}
    return Kept(trained, {stage: step for stage, step in steps.items() if step is not None})


def weights_file(work: Path, stage: str) -> Path:
    """Return the file of a finished stage in the work folder."""
    return work / "clip" / CLIP_WEIGHTS if stage == "clip" else work / f"{stage}.safetensors"


def _step(folder: Path) -> int | None:
    names = (CHECKPOINT_NAME.fullmatch(path.name) for path in (folder / "checkpoints").glob("*"))
    return max((int(match[1]) for match in names if match), default=None)
