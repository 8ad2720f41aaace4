"""CLIP-I and CLIP-T by a stack's own CLIP. The numbers of two stacks cannot be compared."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from lambda_studio.evaluation.measures import View
from lambda_studio.models.stacks.stack import Stack
from lambda_studio.pictures.crops import cut_out, square_crop


class ClipLikeness:
    """CLIP-I: the cosine similarity of CLIP's image embeddings (DreamBooth, section 4.2).

    Args:
        cut_outs: compare the masked subjects on white, as λ-ECLIPSE does with references, and not whole pictures.
    """

    def __init__(self, stack: Stack, cut_outs: bool = False):
        self.stack, self.cut_outs = stack, cut_outs

    @property
    def name(self) -> str:
        return "CLIP-I of cut-outs" if self.cut_outs else "CLIP-I"

    def embed(self, views: Sequence[View]) -> Float[Tensor, "view dim"]:
        """Return CLIP's embedding of each view's middle square, or of its cut-out subject."""
        clip = self.stack.clip(("vision",))
        return F.normalize(clip.encode_images([self._square(view, clip.image_size) for view in views]).cpu(), dim=-1)

    def _square(self, view: View, size: int) -> Image.Image:
        return cut_out(view.image, view.mask, size) if self.cut_outs else square_crop(view.image, size)


class ClipComposition:
    """CLIP-T: the cosine similarity of CLIP's embeddings of a picture and of its prompt (DreamBooth, section 4.2)."""

    name = "CLIP-T"

    def __init__(self, stack: Stack):
        self.stack = stack
        self._texts: dict[str, Tensor] = {}

    def score(self, images: Sequence[Image.Image], texts: Sequence[str]) -> Float[Tensor, " image"]:
        """Return the similarity of each picture and its prompt. Each prompt is encoded once."""
        self._encode([text for text in dict.fromkeys(texts) if text not in self._texts])
        pictures = ClipLikeness(self.stack).embed([View(image, "") for image in images])
        prompts = torch.stack([self._texts[text] for text in texts])
        return F.cosine_similarity(pictures, prompts)

    def _encode(self, texts: Sequence[str]) -> None:
        if texts:
            clip = self.stack.clip(("text",))
            pooled = F.normalize(clip.encode_text(clip.tokenizer(texts)).pooled.cpu(), dim=-1)
            self._texts |= dict(zip(texts, pooled, strict=True))
