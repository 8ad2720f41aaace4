"""ViLT as an oracle: the probability of `yes` for a question about a picture, as ConceptBed's compositions."""

from collections.abc import Collection, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from lambda_studio.errors import ModelFilesInvalid, ModelFilesMissing
from lambda_studio.evaluation.concept_bed.oracle import Asked

YES = "yes"
CONFIG = "config.json"


class ViltOracle:
    """A ViLT for questions about pictures, in transformers' layout.

    The softmax is over all of its answers. ConceptBed's code takes the answer of index 3; `yes` is found by its label.

    Args:
        folder: the folder of its files.
        device: its device.
    """

    def __init__(self, folder: Path, device: torch.device):
        self.folder, self.device = folder, device
        self.name = f"vilt:{folder.name}"
        if not (folder / CONFIG).is_file():
            remedy = (
                "Bring it (470 MB, Apache-2.0): hf download dandelin/vilt-b32-finetuned-vqa --local-dir FOLDER. "
                "Its weights are needed as model.safetensors."
            )
            raise ModelFilesMissing(f"The folder {folder} has no {CONFIG} of a ViLT.", remedy)

    def unknown(self, labels: Collection[str]) -> list[str]:
        """Return nothing: any class can be asked about."""
        return []

    @torch.no_grad()
    def confidences(self, asked: Sequence[Asked]) -> Float[Tensor, " picture"]:
        """Return the probability of `yes`, picture by picture. Raises ModelFilesInvalid."""
        network, processor = self._parts
        found = []
        for each in asked:
            given = processor(each.image.convert("RGB"), question_of(each), return_tensors="pt", truncation=True)
            logits = network(**given.to(self.device)).logits[0].float()
            found.append(logits.softmax(-1)[self._yes].cpu())
        return torch.stack(found)

    @property
    def _yes(self) -> int:
        known = self._parts[0].config.label2id
        if YES not in known:
            raise ModelFilesInvalid(f"{self.folder} has no answer {YES!r}.", "Give a ViLT that was tuned on VQA.")
        return int(known[YES])

    @cached_property
    def _parts(self) -> tuple[Any, Any]:
        from transformers import ViltForQuestionAnswering, ViltProcessor

        try:
            network = ViltForQuestionAnswering.from_pretrained(self.folder, local_files_only=True, use_safetensors=True)
            processor = ViltProcessor.from_pretrained(self.folder, local_files_only=True)
        except (OSError, ValueError, TypeError, KeyError, RuntimeError) as error:
            why = (str(error).splitlines() or [type(error).__name__])[0][:200]
            remedy = "It needs model.safetensors (no pytorch_model.bin, which may hold code) and its processor's files."
            raise ModelFilesInvalid(f"{self.folder} holds no ViLT ({why}).", remedy) from error
        return network.eval().requires_grad_(False).to(self.device), processor


def question_of(asked: Asked) -> str:
    """Return the question about a picture: its own, or whether its class is in it."""
    return asked.text or f"is there a {asked.label.replace('_', ' ')} in the image?"
