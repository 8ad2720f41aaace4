"""Segment an object by its noun: Grounding DINO finds the box, and SAM the outline in the box."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float
from PIL import Image
from safetensors import SafetensorError
from torch import Tensor, nn

from lambda_studio.errors import ModelFilesInvalid, ModelFilesMissing
from lambda_studio.models.files.sources import Source
from lambda_studio.progress import unheard

MODEL_FILES = ("config.json", "model.safetensors", "preprocessor_config.json")
TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json")
TOLD = {
    "IDEA-Research/grounding-dino-tiny": "0.7 GB. Licence: Apache-2.0",
    "facebook/sam-vit-base": "0.4 GB. Licence: Apache-2.0",
}
"""Size and licence of the default models."""
THRESHOLD = 0.25
"""The minimum score of a box, as in transformers' own post-processing of Grounding DINO."""
REMEDY = (
    "Use segment=grabcut, which needs no models, or give stack=FILE.toml whose detector and segmenter are local "
    "folders (config.json, model.safetensors, preprocessor_config.json; the detector's tokenizer too)."
)


class GroundedSegmenter:
    """Grounding DINO and SAM, each loaded at first use, on a GPU if there is one.

    `detector` and `segmenter` are sources, folders or hub ids. Loading raises ModelFilesMissing or ModelFilesInvalid.
    """

    def __init__(
        self,
        detector: Source | str,
        segmenter: Source | str,
        device: "str | torch.device | None" = None,
        on_notice: Callable[[str], None] = unheard,
    ):
        self.detector, self.segmenter = (
            Source(each) if isinstance(each, str) else each for each in (detector, segmenter)
        )
        self.device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        self._on_notice = on_notice
        self._announced: set[str] = set()

    def find(self, image: Image.Image, noun: str) -> Bool[np.ndarray, "height width"] | None:
        """Return the pixels of the most likely object of that noun in an RGB picture, or None."""
        box = self.box(image, noun)
        return None if box is None else self.outline(image, box)

    @torch.inference_mode()
    def box(self, image: Image.Image, noun: str) -> list[float] | None:
        """Return left, top, right and bottom (pixels) of the best box for a noun, or None below `THRESHOLD`."""
        model, prepare, tokenizer = self._dino
        pictures = prepare(images=image, return_tensors="pt").to(self.device)
        words = tokenizer(f"{noun.lower()}.", return_tensors="pt", return_token_type_ids=True).to(self.device)
        found = model(**pictures, **words)
        scores = found.logits[0].sigmoid().amax(dim=-1)
        best = int(scores.argmax())
        return corners(found.pred_boxes[0, best], image.size) if scores[best] >= THRESHOLD else None

    @torch.inference_mode()
    def outline(self, image: Image.Image, box: Sequence[float]) -> Bool[np.ndarray, "height width"] | None:
        """Return the best-rated of SAM's three masks for a box, or None if this mask is empty."""
        model, prepare = self._sam
        given = prepare(images=image, input_boxes=[[list(box)]], return_tensors="pt")
        boxes = given["input_boxes"].to(self.device, torch.float32)
        found = model(pixel_values=given["pixel_values"].to(self.device), input_boxes=boxes)
        sizes = given["original_sizes"], given["reshaped_input_sizes"]
        masks = prepare.image_processor.post_process_masks(found.pred_masks.cpu(), *sizes)[0][0]
        mask = masks[int(found.iou_scores[0, 0].argmax())].numpy()
        return mask if mask.any() else None

    @cached_property
    def _dino(self) -> tuple[nn.Module, Any, Any]:
        from transformers import AutoImageProcessor, AutoModelForZeroShotObjectDetection, AutoTokenizer

        folder = self._folder(self.detector, (*MODEL_FILES, *TOKENIZER_FILES))
        model = self._load(AutoModelForZeroShotObjectDetection, folder)
        return model, _read(AutoImageProcessor, folder), _read(AutoTokenizer, folder)

    @cached_property
    def _sam(self) -> tuple[nn.Module, Any]:
        from transformers import SamImageProcessor, SamModel, SamProcessor

        folder = self._folder(self.segmenter, MODEL_FILES)
        return self._load(SamModel, folder), SamProcessor(_read(SamImageProcessor, folder))

    def _folder(self, source: Source, names: Sequence[str]) -> Path:
        """Return the folder of a model's files, downloaded if needed."""
        place = replace(source, on_download=lambda: self._announce(source.address))
        try:
            files = {name: place.get([name]) for name in names}
        except ModelFilesMissing as error:
            raise ModelFilesMissing(error.cause, REMEDY) from error
        for name, path in files.items():
            place.require_pinned(name, path)
        return files[names[0]].parent

    def _announce(self, source: str) -> None:
        from huggingface_hub.constants import HF_HUB_CACHE

        if source in self._announced:
            return
        self._announced.add(source)
        told = TOLD.get(source, "see its hub page for size and licence")
        self._on_notice(
            f"{source} is downloaded once from the Hugging Face hub: {told}. The cache folder is {HF_HUB_CACHE}."
        )

    def _load(self, kind: Any, folder: Path) -> nn.Module:
        """Load a complete model in float32 for inference. Nothing is unpickled."""
        import transformers

        settings = {"use_safetensors": True, "local_files_only": True, "output_loading_info": True}
        transformers.utils.logging.disable_progress_bar()  # transformers shows the bar even without a terminal
        model, loaded = _read(kind, folder, **settings)
        if missing := loaded["missing_keys"]:
            cause = f"The model in {folder} lacks {len(missing)} of its weights, such as {min(missing)}."
            raise ModelFilesInvalid(cause, "Fetch the model's files again.")
        return model.float().eval().to(self.device)


def _read(kind: Any, folder: Path, **settings: Any) -> Any:
    """Load a folder's files with transformers. Raises ModelFilesInvalid if they cannot be loaded."""
    try:
        return kind.from_pretrained(folder, **{"local_files_only": True, **settings})
    except (SafetensorError, OSError, ValueError, RuntimeError, KeyError, TypeError) as error:
        why = str(error).partition("\n")[0][:200]
        cause = f"The files in {folder} are not a usable model: {why}."
        raise ModelFilesInvalid(cause, "Fetch the model's files again.") from error


def corners(box: Float[Tensor, "4"], size: tuple[int, int]) -> list[float]:
    """Convert a box from centre and size (shares of the picture) to left, top, right, bottom in pixels, clamped."""
    x, y, width, height = box.tolist()
    shares = (x - width / 2, y - height / 2, x + width / 2, y + height / 2)
    return [min(max(share, 0.0), 1.0) * length for share, length in zip(shares, (*size, *size), strict=True)]
