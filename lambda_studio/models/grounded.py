"""Where a thing is in a picture, by its noun: Grounding DINO finds its box, and SAM its outline in that box."""

from collections.abc import Callable, Sequence
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
from lambda_studio.models.files import get_file
from lambda_studio.progress import unheard

MODEL_FILES = ("config.json", "model.safetensors", "preprocessor_config.json")
TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json")
TOLD = {
    "IDEA-Research/grounding-dino-tiny": "0.7 GB. Licence: Apache-2.0",
    "facebook/sam-vit-base": "0.4 GB. Licence: Apache-2.0",
}
"""Size and licence of what is fetched where nothing else is named."""
THRESHOLD = 0.25
"""The least score of a box, as in transformers' own post-processing of Grounding DINO."""
REMEDY = (
    "Use --segment grabcut, which needs no models, or give --stack FILE.toml whose detector and segmenter are local "
    "folders (config.json, model.safetensors, preprocessor_config.json; the detector's tokenizer too)."
)


class GroundedSegmenter:
    """Grounding DINO and SAM, each loaded when it is first needed, on a GPU where there is one.

    `detector` and `segmenter` are folders or hub ids. Raises ModelFilesMissing, ModelFilesInvalid.
    """

    def __init__(
        self,
        detector: str,
        segmenter: str,
        device: "str | torch.device | None" = None,
        on_notice: Callable[[str], None] = unheard,
    ):
        self.detector, self.segmenter = detector, segmenter
        self.device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        self._on_notice = on_notice
        self._announced: set[str] = set()

    def find(self, image: Image.Image, noun: str) -> Bool[np.ndarray, "height width"] | None:
        """The pixels of the likeliest thing of that noun in an RGB picture; None where there is none."""
        box = self.box(image, noun)
        return None if box is None else self.outline(image, box)

    @torch.inference_mode()
    def box(self, image: Image.Image, noun: str) -> list[float] | None:
        """Left, top, right and bottom, in pixels, of the best box for a noun; None where no score is high enough."""
        model, prepare, tokenizer = self._dino
        pictures = prepare(images=image, return_tensors="pt").to(self.device)
        words = tokenizer(f"{noun.lower()}.", return_tensors="pt", return_token_type_ids=True).to(self.device)
        found = model(**pictures, **words)
        scores = found.logits[0].sigmoid().amax(dim=-1)
        best = int(scores.argmax())
        return corners(found.pred_boxes[0, best], image.size) if scores[best] >= THRESHOLD else None

    @torch.inference_mode()
    def outline(self, image: Image.Image, box: Sequence[float]) -> Bool[np.ndarray, "height width"] | None:
        """What SAM takes for the thing in a box: of its three masks the one it rates best; None where it is empty."""
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

    def _folder(self, source: str, names: Sequence[str]) -> Path:
        """Where a model's files are, fetched first where they must be."""
        try:
            files = [get_file(source, [name], on_download=lambda: self._announce(source)) for name in names]
        except ModelFilesMissing as error:
            raise ModelFilesMissing(error.cause, REMEDY) from error
        return files[0].parent

    def _announce(self, source: str) -> None:
        from huggingface_hub.constants import HF_HUB_CACHE

        if source in self._announced:
            return
        self._announced.add(source)
        told = TOLD.get(source, "for its size and licence see its page there")
        self._on_notice(f"{source} is fetched from the Hugging Face hub, once: {told}. It goes to {HF_HUB_CACHE}.")

    def _load(self, kind: Any, folder: Path) -> nn.Module:
        """A whole model in float32, ready to be used; nothing is unpickled."""
        import transformers

        settings = {"use_safetensors": True, "local_files_only": True, "output_loading_info": True}
        transformers.utils.logging.disable_progress_bar()  # it would be drawn where there is no terminal too
        model, loaded = _read(kind, folder, **settings)
        if missing := loaded["missing_keys"]:
            cause = f"The model in {folder} lacks {len(missing)} of its weights, such as {min(missing)}."
            raise ModelFilesInvalid(cause, "Fetch the model's files again.")
        return model.float().eval().to(self.device)


def _read(kind: Any, folder: Path, **settings: Any) -> Any:
    """What transformers makes of a folder's files. Raises ModelFilesInvalid where that is nothing."""
    try:
        return kind.from_pretrained(folder, **{"local_files_only": True, **settings})
    except (SafetensorError, OSError, ValueError, RuntimeError, KeyError, TypeError) as error:
        why = str(error).partition("\n")[0][:200]
        cause = f"The files in {folder} are not those of a model that can be used: {why}."
        raise ModelFilesInvalid(cause, "Fetch the model's files again.") from error


def corners(box: Float[Tensor, "4"], size: tuple[int, int]) -> list[float]:
    """A box given by its middle and size, in shares of the picture, as left, top, right, bottom inside it in pixels."""
    x, y, width, height = box.tolist()
    shares = (x - width / 2, y - height / 2, x + width / 2, y + height / 2)
    return [min(max(share, 0.0), 1.0) * length for share, length in zip(shares, (*size, *size), strict=True)]
