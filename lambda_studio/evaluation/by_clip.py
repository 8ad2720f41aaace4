"""CLIP-I and CLIP-T, by a stack's own CLIP or by a published one. Numbers of two CLIPs cannot be compared."""

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float
from PIL import Image
from torch import Tensor
from typing_extensions import Protocol, runtime_checkable

from lambda_studio.evaluation.measures import View
from lambda_studio.evaluation.networks import NETWORKS
from lambda_studio.evaluation.transforms import clip_square
from lambda_studio.models.clip.clip import Clip, Tower, load_clip
from lambda_studio.models.clip.files import CONFIG_NAME, TOWER_CONFIGS, WEIGHT_NAMES, ClipSource, find_clip
from lambda_studio.models.files.sources import Source
from lambda_studio.pictures.crops import cut_out, square_crop


@runtime_checkable
class HasClip(Protocol):
    """A stack, or a published CLIP."""

    def clip(self, towers: Sequence[Tower]) -> Clip:
        """Return CLIP with at least these towers."""
        ...


class PublishedClip:
    """A published CLIP that is loaded on first use, in float32.

    Args:
        network: its name in `NETWORKS`.
        source: where its files are: a folder or repository in open_clip's or transformers' layout.
        device: its device.
    """

    def __init__(self, network: str, source: Source, device: torch.device):
        self.network, self.source, self.device = network, source, device
        self._loaded: Clip | None = None

    @property
    def is_here(self) -> bool:
        """Whether its files are on this machine."""
        if self._is_the_default:
            return self.source.find(WEIGHT_NAMES) is not None
        return self.source.find([CONFIG_NAME, TOWER_CONFIGS[0]]) is not None

    @property
    def fingerprint(self) -> str:
        """A SHA-256 over its configuration and weights. Raises ModelFilesMissing and ModelFilesInvalid."""
        return find_clip(self._clip_source).fingerprint

    def clip(self, towers: Sequence[Tower]) -> Clip:
        """Return CLIP with at least these towers. Raises ModelFilesMissing and ModelFilesInvalid."""
        if self._loaded is None or not self._loaded.towers >= set(towers):
            wanted = sorted({*towers, *(self._loaded.towers if self._loaded else ())})
            self._loaded = load_clip(self._clip_source, self.device, torch.float32, wanted)
        return self._loaded

    @property
    def _is_the_default(self) -> bool:
        return self.source.address == NETWORKS[self.network].repository

    @property
    def _clip_source(self) -> ClipSource:
        if self._is_the_default:
            return ClipSource(NETWORKS[self.network].open_clip, "openai")
        return ClipSource(f"hf-hub:{self.source.address}" if self.source.is_hub else f"local-dir:{self.source.folder}")


class ClipLikeness:
    """CLIP-I: the cosine similarity of CLIP's image embeddings (DreamBooth, section 4.2).

    A stack's CLIP sees the middle square. A published one sees pictures by its own transform.

    Args:
        cut_outs: compare the masked subjects on white, as λ-ECLIPSE does with references, and not whole pictures.
    """

    def __init__(self, source: HasClip, cut_outs: bool = False, name: str = ""):
        self.source, self.cut_outs = source, cut_outs
        self.name = name or ("CLIP-I of cut-outs" if cut_outs else "CLIP-I")
        self._middle: Callable[[Image.Image, int], Image.Image]
        self._middle = clip_square if isinstance(source, PublishedClip) else square_crop

    def embed(self, views: Sequence[View]) -> Float[Tensor, "view dim"]:
        """Return CLIP's embedding of each view's middle square, or of its cut-out subject."""
        clip = self.source.clip(("vision",))
        return F.normalize(clip.encode_images([self._square(view, clip.image_size) for view in views]).cpu(), dim=-1)

    def _square(self, view: View, size: int) -> Image.Image:
        return cut_out(view.image, view.mask, size) if self.cut_outs else self._middle(view.image, size)


class ClipComposition:
    """CLIP-T: the cosine similarity of CLIP's embeddings of a picture and of its prompt (DreamBooth, section 4.2)."""

    def __init__(self, source: HasClip, name: str = "CLIP-T"):
        self.source, self.name = source, name
        self._texts: dict[str, Tensor] = {}

    def score(self, images: Sequence[Image.Image], texts: Sequence[str]) -> Float[Tensor, " image"]:
        """Return the similarity of each picture and its prompt. Each prompt is encoded once."""
        self._encode([text for text in dict.fromkeys(texts) if text not in self._texts])
        pictures = ClipLikeness(self.source).embed([View(image, "") for image in images])
        prompts = torch.stack([self._texts[text] for text in texts])
        return F.cosine_similarity(pictures, prompts)

    def _encode(self, texts: Sequence[str]) -> None:
        if texts:
            clip = self.source.clip(("text",))
            pooled = F.normalize(clip.encode_text(clip.tokenizer(texts)).pooled.cpu(), dim=-1)
            self._texts |= dict(zip(texts, pooled, strict=True))
