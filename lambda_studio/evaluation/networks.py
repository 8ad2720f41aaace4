"""The published networks that metrics use: where each is looked for, and how it comes. Nothing is downloaded."""

from collections.abc import Mapping
from dataclasses import dataclass

from lambda_studio.config import require
from lambda_studio.errors import ModelFilesMissing
from lambda_studio.models.files.sources import Source
from lambda_studio.models.stacks.files import StackFiles
from lambda_studio.models.stacks.specification import StackSpec

DINO_V1 = "dino-vits16"
"""The network of a stack's own `dino`."""


@dataclass(frozen=True)
class Network:
    """A published network."""

    repository: str
    """Its hub id, or the address of its file."""
    size: str
    licence: str
    open_clip: str = ""
    """The name that open_clip gives its architecture."""

    @property
    def command(self) -> str:
        """The command that brings its files."""
        if self.repository.startswith("https:"):
            return f"curl -LO {self.repository}"
        return f"hf download {self.repository}" + (' --include "open_clip*"' if self.open_clip else "")


NETWORKS = {
    DINO_V1: Network("timm/vit_small_patch16_224.dino", "87 MB", "Apache-2.0"),
    "dino-vits8": Network("timm/vit_small_patch8_224.dino", "87 MB", "Apache-2.0"),
    "dinov2-vits14": Network("timm/vit_small_patch14_dinov2.lvd142m", "88 MB", "Apache-2.0"),
    "clip-b32": Network("timm/vit_base_patch32_clip_224.openai", "605 MB", "MIT", "ViT-B-32-quickgelu"),
    "clip-l14": Network("timm/vit_large_patch14_clip_224.openai", "1.7 GB", "MIT", "ViT-L-14-quickgelu"),
    "clip-l14-336": Network("timm/vit_large_patch14_clip_336.openai", "1.7 GB", "MIT", "ViT-L-14-336-quickgelu"),
    "inception": Network(
        "https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/weights-inception-2015-12-05-6726825d.pth",
        "96 MB",
        "Apache-2.0",
    ),
}
"""By the names of `StackSpec.metrics`. OpenAI's CLIP was trained with QuickGELU, which the plain names leave out."""


def source_of(name: str, spec: StackSpec | None = None, places: Mapping[str, str] | None = None) -> Source:
    """Return where a network's files are looked for.

    Args:
        name: a name in `NETWORKS`.
        spec: a stack, whose `metrics` and `dino` name folders or hub ids.
        places: folders or hub ids by the network's name. They come before the stack's.

    Raises:
        InvalidSetting: a place is given for a network that is not known.
    """
    given = {**(spec.metrics if spec else {}), **(places or {})}
    for each in given:
        require(each in NETWORKS, f"There is no network {each!r} of a metric.", f"Give some of: {' '.join(NETWORKS)}.")
    if name in given:
        return Source(given[name])
    if name == DINO_V1 and spec:
        return StackFiles(spec).source("dino")
    return Source(NETWORKS[name].repository)


def missing(name: str, source: Source) -> str:
    """Return what to tell about a network whose files are not on this machine."""
    network = NETWORKS[name]
    command = f"hf download {source.address}" if source.is_hub and not network.open_clip else network.command
    return f"The weights of {name} are {network.size}, {network.licence}: {command}"


def not_found(name: str, source: Source) -> ModelFilesMissing:
    """Return the error about a network whose files are not on this machine."""
    where = "in the hub's cache" if source.is_hub else f"in {source.address}"
    if source.address.startswith("https:"):
        where = "in the folder of torch.hub"
    if source.is_hub and source.address != NETWORKS[name].repository:
        where += f" as {source.address}, which is no folder here: write ./{source.address} for one"
    given = f"Or give its folder: [metrics] {name} = 'FOLDER' in a stack's TOML file, or --weights {name}=FOLDER."
    return ModelFilesMissing(f"The files of {name} are not {where}.", f"{missing(name, source)}. {given}")
