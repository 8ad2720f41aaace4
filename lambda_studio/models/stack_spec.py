"""Specifications of stacks: which weights belong together, and the built-in ones. No model is imported."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lambda_studio.config import require
from lambda_studio.models.decoders.families import KANDINSKY, require_family

WEIGHTS = Path(__file__).parent.parent / "miniature" / "weights"
PRECISIONS = ("auto", "fp32", "fp16", "bf16")
EDGE_MAPS = ("canny", "gradient")
"""The names of `pictures.edges.EDGE_MAPS`, repeated here so that checking a stack needs no OpenCV."""


@dataclass(frozen=True, kw_only=True)
class StackSpec:
    """The specification of a stack: the sources of its weights, and its preferences."""

    name: str
    """The name for `--stack`."""
    clip: str
    """An open_clip model's name, `hf-hub:org/repo` or `local-dir:FOLDER`."""
    clip_pretrained: str | None = None
    """The tag, or the .safetensors file, of weights for an open_clip model's name."""
    prior: str
    """A folder or hub id of a λ prior (config.json and safetensors)."""
    decoder: str
    """A folder or hub id in diffusers' layout (unet/ movq/ scheduler/)."""
    family: str = KANDINSKY
    """The decoder's family: a name in `families.FAMILIES`."""
    detector: str = "IDEA-Research/grounding-dino-tiny"
    """A folder or hub id of a Grounding DINO, for --segment grounded."""
    segmenter: str = "facebook/sam-vit-base"
    """A folder or hub id of a SAM, for --segment grounded."""
    resolution: int | None = None
    """Pixels on a side; None is the UNet's training resolution."""
    revision: str | None = None
    """The decoder's revision on the hub."""
    variant: str | None = None
    """The decoder's weight files' variant, such as fp16."""
    precision: str = "auto"
    """`fp32`, `fp16`, `bf16`, or `auto`: half on a GPU, fp32 elsewhere."""
    edges: str = "canny"
    """The edge map of its prior's training, for `--edges`: `canny` (as the published λ-ECLIPSE) or `gradient`."""
    licence: str = "see where the weights come from"
    """The licence of the weights, shown before a download."""
    download: str = "its weights"
    """The size of the weights, shown before a download."""
    on_cpu: str = "one picture takes many minutes"
    """How long drawing takes without a GPU, shown before a download on such a machine."""
    finetune: dict[str, Any] = field(default_factory=dict)
    """FinetuneConfig's settings that this stack prefers."""
    generate: dict[str, Any] = field(default_factory=dict)
    """GenerateConfig's settings that this stack prefers."""

    def __post_init__(self) -> None:
        for name in ("name", "clip", "prior", "decoder", "detector", "segmenter"):
            require(bool(getattr(self, name)), f"The stack's {name} is empty.", "Set it in the stack's TOML file.")
        require_family(self.family)
        for name, known in (("precision", PRECISIONS), ("edges", EDGE_MAPS)):
            value = getattr(self, name)
            require(value in known, f"The stack's {name} is {value!r}.", f"Give one of: {' '.join(known)}.")


BUILT_IN = {
    "miniature": StackSpec(
        name="miniature",
        clip=f"local-dir:{WEIGHTS / 'clip'}",
        prior=str(WEIGHTS / "prior"),
        decoder=str(WEIGHTS / "decoder"),
        precision="fp32",
        edges="gradient",
        licence="Apache-2.0",
        download="nothing: it is part of the package",
        generate={"guidance_scale": 3.0},
        finetune={"learning_rate": 1e-4, "batch_size": 8, "steps": 400, "rank": 32},
    ),
    "kandinsky-2.2": StackSpec(
        name="kandinsky-2.2",
        clip="ViT-bigG-14",
        clip_pretrained="laion2b_s39b_b160k",
        prior="ECLIPSE-Community/Lambda-ECLIPSE-Prior-v1.0",
        decoder="kandinsky-community/kandinsky-2-2-decoder",
        resolution=512,
        licence="Kandinsky 2.2: Apache-2.0; CLIP ViT-bigG-14: MIT; λ-ECLIPSE prior: see its page on the hub",
        download="about 15.6 GB: CLIP 10.2 GB, decoder 5.3 GB, prior 0.1 GB",
        on_cpu="one picture takes about 12 minutes on two free cores",
    ),
}
