"""The official repository's own code, from a checkout that the user made. Nothing of it is shipped."""

import ast
import importlib
import sys
from pathlib import Path
from types import CodeType
from typing import Any

PRIOR = "src/priors/lambda_prior_transformer.py"
PIPELINE = "src/pipelines/pipeline_kandinsky_subject_prior.py"
SCRIPT = "train_text_to_image_decoder.py"


def require_checkout(folder: Path) -> None:
    """Raise SystemExit, with the remedy, unless the folder holds the official files."""
    missing = [name for name in (PRIOR, PIPELINE, SCRIPT) if not (folder / name).is_file()]
    if missing:
        raise SystemExit(
            f"{folder} has no {missing[0]}. Give a checkout of eclipse-t2i/lambda-eclipse-inference: "
            "git clone https://github.com/eclipse-t2i/lambda-eclipse-inference"
        )


def imported(folder: Path, name: str) -> Any:
    """Import a module of the checkout. Its packages are called `src`, as in its own scripts."""
    if str(folder) not in sys.path:
        sys.path.append(str(folder))
    return importlib.import_module(name.removesuffix(".py").replace("/", "."))


def prior_class(folder: Path) -> Any:
    """Return the official λ prior's class."""
    return imported(folder, PRIOR).PriorTransformer


def pipeline_class(folder: Path) -> Any:
    """Return the official pipeline that overwrites the tokens of subjects and asks the prior."""
    return imported(folder, PIPELINE).KandinskyPriorPipeline


def loss_lines(folder: Path) -> CodeType:
    """Return the fine-tuning script's own lines from the noise to the loss, which its `main` has in the middle.

    They read `latents`, `image_embeds`, `noise_scheduler`, `unet` and `args`, and set `noise`, `timesteps` and `loss`.
    Raises SystemExit if the script has changed.
    """
    tree = ast.parse((folder / SCRIPT).read_text(encoding="utf-8"))
    for block in (node for node in ast.walk(tree) if isinstance(node, ast.With)):
        for start, line in enumerate(block.body):
            if _assigns(line, "noise"):
                ends = [i for i, each in enumerate(block.body) if isinstance(each, ast.If)]
                if ends:
                    lines = block.body[start : ends[0] + 1]
                    return compile(ast.Module(lines, type_ignores=[]), SCRIPT, "exec")
    raise SystemExit(f"{SCRIPT} no longer has the lines from the noise to the loss.")


def _assigns(line: ast.stmt, name: str) -> bool:
    return isinstance(line, ast.Assign) and isinstance(line.targets[0], ast.Name) and line.targets[0].id == name
