"""The oracle that a person names."""

import importlib
from pathlib import Path

import torch

from lambda_studio.errors import InvalidSetting
from lambda_studio.evaluation.concept_bed.by_timm import TimmOracle
from lambda_studio.evaluation.concept_bed.by_vilt import ViltOracle
from lambda_studio.evaluation.concept_bed.oracle import Oracle

MINIATURE = "lambda_studio.miniature.judge.concept_oracle"
"""The module of the miniature's oracle. It is above this room, so it is imported by name: docs/decisions/0048."""
KINDS = ("miniature", "timm:FOLDER", "vilt:FOLDER")


def find_oracle(named: str, device: torch.device) -> Oracle:
    """Return an oracle by its name: one of `KINDS`. Raises InvalidSetting, ModelFilesMissing, ModelFilesInvalid."""
    kind, _, folder = named.partition(":")
    if kind == "miniature" and not folder:
        found: Oracle = importlib.import_module(MINIATURE).ConceptOracle()
        return found
    place = Path(folder).expanduser()
    if kind == "timm" and folder:
        return TimmOracle(place, device)
    if kind == "vilt" and folder:
        return ViltOracle(place, device)
    raise InvalidSetting(f"There is no oracle {named!r}.", f"Give one of: {' '.join(KINDS)}.", "oracle")
