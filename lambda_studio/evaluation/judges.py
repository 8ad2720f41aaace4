"""Choose the metrics of a stack."""

import importlib
from collections.abc import Collection

from lambda_studio.evaluation.by_clip import ClipComposition, ClipLikeness
from lambda_studio.evaluation.by_dino import DinoLikeness, find_dino
from lambda_studio.evaluation.measures import Judges, Likeness
from lambda_studio.models.stacks.files import StackFiles
from lambda_studio.models.stacks.stack import Stack

OWN = {"miniature": "lambda_studio.miniature.judge.measures"}
"""The modules with the metrics of stacks that have their own, by a stack's `judge`. Each has a function `find_judges`.

They are above this room, so they are imported by name: docs/decisions/0048.
"""


def judges_of(stack: Stack, nouns: Collection[str]) -> Judges:
    """Return the metrics for subjects of these nouns. No model is loaded yet, and nothing is downloaded.

    A stack's own metrics are used if they know all nouns. All others are measured by DINO, if its weights are on this
    machine, and by the stack's CLIP. Raises ModelFilesInvalid.
    """
    if module := OWN.get(stack.spec.judge):
        found: Judges | None = importlib.import_module(module).find_judges(stack, nouns)
        if found:
            return found
    clip = ClipLikeness(stack)
    source = StackFiles(stack.spec).source("dino")
    folder = find_dino(source)
    dino: tuple[Likeness, ...] = (DinoLikeness(folder, stack.device),) if folder else ()
    missing = (
        f"DINO's weights are not on this machine, so likeness is measured by CLIP-I only. "
        f"They are 87 MB, Apache-2.0: hf download {source.address}"
    )
    return Judges((*dino, clip), ClipComposition(stack), clip, () if folder else (missing,))
