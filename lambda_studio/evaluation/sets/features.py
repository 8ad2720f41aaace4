"""The features of FID, KID and CMMD: Inception through torch-fidelity, and CLIP."""

import io
import re
from collections.abc import Callable, Sequence
from functools import cached_property
from itertools import groupby
from pathlib import Path

import numpy as np
import torch
from einops import rearrange
from jaxtyping import Float
from PIL import Image
from torch import Tensor, nn
from typing_extensions import Protocol, runtime_checkable

from lambda_studio.errors import ModelFilesInvalid, ModelFilesMissing
from lambda_studio.evaluation.by_clip import ClipLikeness, HasClip
from lambda_studio.evaluation.measures import View
from lambda_studio.models.files.locating import file_sha256
from lambda_studio.models.files.sources import Source
from lambda_studio.pictures.crops import square_crop

INCEPTION = "weights-inception-2015-12-05-6726825d.pth"
"""The file of torch-fidelity, which ends in the start of its SHA-256."""
LAYER = "2048"
"""The pooled features of FID and KID, by torch-fidelity's name."""
BATCH = 16


@runtime_checkable
class Features(Protocol):
    """A network that describes pictures."""

    def embed(self, images: Sequence[Image.Image]) -> Float[Tensor, "image dim"]:
        """Return the features of each picture, in float32 on the CPU."""
        ...


class SetDistance:
    """A metric of sets: features, and the distance of two sets of them.

    Args:
        name: the metric's name in reports.
        features: the network.
        measure: one of `distances`.
    """

    def __init__(self, name: str, features: Features, measure: Callable[[Tensor, Tensor], float]):
        self.name, self.features, self._measure = name, features, measure

    def embed(self, images: Sequence[Image.Image]) -> Float[Tensor, "image dim"]:
        """Return the features of each picture, in float32 on the CPU."""
        return self.features.embed(images)

    def distance(self, drawn: Float[Tensor, "drawn dim"], real: Float[Tensor, "real dim"]) -> float:
        """Return the distance of two sets of features; 0 is the same distribution."""
        return self._measure(drawn, real)


class ClipFeatures:
    """CLIP's image embeddings of length 1, of the middle square: CMMD's own crop.

    CMMD's code interpolates without smoothing; we resize with it, as Pillow does, so that numbers may differ slightly.
    """

    def __init__(self, clip: HasClip):
        self._likeness = ClipLikeness(clip)
        self._likeness._middle = square_crop

    def embed(self, images: Sequence[Image.Image]) -> Float[Tensor, "image dim"]:
        """Return the embeddings, in float32 on the CPU."""
        return self._likeness.embed([View(image, "") for image in images])


class InceptionFeatures:
    """Inception-v3 of 2015 by torch-fidelity, with TensorFlow's way of resizing pictures.

    Args:
        file: its weights, see `find_inception`.
        device: the device of the network.
    """

    def __init__(self, file: Path, device: torch.device):
        self.file, self.device = file, device

    @torch.no_grad()
    def embed(self, images: Sequence[Image.Image]) -> Float[Tensor, "image dim"]:
        """Return the pooled features, in float32 on the CPU. Raises ModelFilesMissing and ModelFilesInvalid."""
        found = []
        for _, same_size in groupby(images, key=lambda image: image.size):
            pixels = np.stack([np.asarray(image.convert("RGB")) for image in same_size])
            for part in rearrange(torch.from_numpy(pixels), "n h w c -> n c h w").split(BATCH):
                found.append(self._network(part.to(self.device))[0].float().cpu())
        return torch.cat(found)

    @cached_property
    def _network(self) -> nn.Module:
        try:
            from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3
        except ImportError as error:
            cause = "FID and KID need torch-fidelity, which is not installed."
            raise ModelFilesMissing(cause, "Install it: pip install 'torch-fidelity>=0.4,<0.5'") from error
        _require_hash_in_name(self.file)
        try:
            # in torch-fidelity's hands the file would be unpickled, so it gets tensors that were read safely
            weights = io.BytesIO()
            torch.save(torch.load(self.file, map_location="cpu", weights_only=True), weights)
            weights.seek(0)
            network = FeatureExtractorInceptionV3("inception", [LAYER], feature_extractor_weights_path=weights)
        except Exception as error:  # torch and torch-fidelity raise many kinds for a file of another thing
            why = (str(error).splitlines() or [type(error).__name__])[0][:200]
            raise ModelFilesInvalid(
                f"{self.file} holds no Inception for torch-fidelity ({why}).", "Fetch it again."
            ) from error
        return network.to(self.device)


def find_inception(source: Source) -> Path | None:
    """Return the file of Inception's weights, or None. The default is looked for in torch.hub's folder.

    Args:
        source: a folder with `INCEPTION`, a file, or the file's address.
    """
    folder = Path(torch.hub.get_dir()) / "checkpoints" if source.address.startswith("https:") else source.folder
    found = folder if folder.is_file() else folder / INCEPTION
    return found if found.is_file() else None


def _require_hash_in_name(file: Path) -> None:
    """Raise ModelFilesInvalid if a file's name ends in a hash, as torch.hub's do, and its content has another one."""
    named = re.search(r"-([0-9a-f]{8,64})\.pth$", file.name)
    if named and not file_sha256(file).startswith(named[1]):
        cause = f"{file} is damaged: its SHA-256 is {file_sha256(file)[:12]}, not {named[1]}."
        raise ModelFilesInvalid(cause, "Fetch it again.")
