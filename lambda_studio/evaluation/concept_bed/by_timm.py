"""A classifier of timm as an oracle, as ConceptBed's ConvNeXt of 80 ImageNet classes."""

from collections.abc import Collection, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from PIL import Image
from safetensors.torch import load_file
from torch import Tensor, nn

from lambda_studio.errors import ModelFilesInvalid, ModelFilesMissing
from lambda_studio.evaluation.concept_bed.oracle import Asked
from lambda_studio.evaluation.transforms import normalised, resized_middle
from lambda_studio.models.files.locating import read_json

CONFIG, WEIGHTS, LABELS = "config.json", "model.safetensors", "labels.txt"
SHORT_SIDE, SIDE = 256, 224
"""ConceptBed's transform: the short side to 256 pixels, then the middle 224."""
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
INTERPOLATIONS = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}
BATCH = 32


class TimmOracle:
    """A classifier in timm's layout: config.json, model.safetensors, and labels.txt with a class a line.

    Args:
        folder: the folder of its files. `label_names` in config.json may stand for labels.txt.
        device: its device.
    """

    def __init__(self, folder: Path, device: torch.device):
        self.folder, self.device = folder, device
        self.name = f"timm:{folder.name}"
        for name in (CONFIG, WEIGHTS):
            if not (folder / name).is_file():
                cause = f"The folder {folder} has no {name} of a classifier."
                raise ModelFilesMissing(cause, "Bring one: hf download timm/convnext_base.fb_in1k --local-dir FOLDER")

    def unknown(self, labels: Collection[str]) -> list[str]:
        """Return the labels that are not among its classes. Raises ModelFilesMissing without a list of them."""
        return [label for label in labels if label not in self._labels]

    @torch.no_grad()
    def confidences(self, asked: Sequence[Asked]) -> Float[Tensor, " picture"]:
        """Return the softmax of each picture's class. Raises ModelFilesInvalid."""
        found = [self._read(asked[start : start + BATCH]) for start in range(0, len(asked), BATCH)]
        return torch.cat(found)

    def _read(self, asked: Sequence[Asked]) -> Tensor:
        pixels = torch.stack([self._pixels(each.image) for each in asked])
        chances = self._network(pixels.to(self.device)).float().softmax(-1).cpu()
        return chances[torch.arange(len(asked)), [self._labels.index(each.label) for each in asked]]

    def _pixels(self, image: Image.Image) -> Float[Tensor, "3 side side"]:
        said = self._config.get("pretrained_cfg", {})
        side = int(said.get("input_size", (3, SIDE, SIDE))[-1])
        kind = INTERPOLATIONS.get(said.get("interpolation", ""), Image.Resampling.BILINEAR)
        square = resized_middle(image, side * SHORT_SIDE // SIDE, side, kind)
        return normalised(square, said.get("mean", MEAN), said.get("std", STD))

    @cached_property
    def _config(self) -> dict[str, Any]:
        return read_json(self.folder / CONFIG)

    @cached_property
    def _labels(self) -> list[str]:
        file = self.folder / LABELS
        named = self._config.get("label_names") or self._config.get("pretrained_cfg", {}).get("label_names")
        if file.is_file():
            named = [line.strip() for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
        if not named:
            cause = f"The folder {self.folder} does not say what its classes are called."
            raise ModelFilesMissing(cause, f"Write {LABELS} into it, with the name of each class in a line.")
        return list(named)

    @cached_property
    def _network(self) -> nn.Module:
        import timm

        try:
            arguments = self._config.get("model_args", {})
            classes = len(self._labels)
            network = timm.create_model(
                self._config["architecture"], pretrained=False, num_classes=classes, **arguments
            )
            network.load_state_dict(load_file(self.folder / WEIGHTS))
        except (KeyError, RuntimeError, TypeError, ValueError, OSError) as error:
            why = str(error).splitlines()[0][:200]
            cause = f"{self.folder} holds no classifier of {len(self._labels)} classes for timm ({why})."
            raise ModelFilesInvalid(cause, "Fetch the files again, and check its labels.") from error
        return network.eval().requires_grad_(False).to(self.device)
