"""Specifications of stacks: which weights belong together, and the built-in ones. No model is imported."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lambda_studio.config import LARGEST, FinetuneConfig, require
from lambda_studio.models.decoders.families import KANDINSKY, require_family, require_settings

PLACES = ("clip", "clip_towers", "prior", "decoder", "unet", "detector", "segmenter", "dino")
"""The fields that name a part's folder or repository."""
METRIC_NETWORKS = (
    "dino-vits16", "dino-vits8", "dinov2-vits14", "clip-b32", "clip-l14", "clip-l14-336", "inception",
)  # fmt: skip
"""The names of `evaluation.networks.NETWORKS`, repeated here so that checking a stack needs no torch."""
SHA256 = re.compile(r"[0-9a-f]{64}")
STEPS_FOR_ONE = FinetuneConfig.steps
"""The paper's optimiser steps for one concept (appendix D)."""
WEIGHTS = Path(__file__).parents[2] / "miniature" / "weights"
PRECISIONS = ("auto", "fp32", "fp16", "bf16")
JUDGES = ("clip", "miniature")
"""The kinds of metrics: DINO and the stack's CLIP, or the miniature's oracle."""
EDGE_MAPS = ("canny", "gradient")
"""The names of `pictures.edges.EDGE_MAPS`, repeated here so that checking a stack needs no OpenCV."""


KANDINSKY_REVISIONS = {
    "clip_towers": "9fc51ad5732afc5d031724219d22e6c42179c5a8",
    "decoder": "9ae140d347fed8ce6e8bb3005dcc1f48543bb8e3",
}
"""Decision 0040 names where these and the hashes were read. The λ prior's are not known."""
KANDINSKY_HASHES = {
    "clip_towers": {
        "text_encoder/config.json": "3dec84fa855c0b7f531eea433e805a1194086c38c5635baceda8cbed4f727f1b",
        "text_encoder/model.safetensors": "6eaafeea664d7ab87df17274d6114dfdf092c587c7cd56c13cf84aacdebc0332",
        "image_encoder/config.json": "1d53c2b4b74c5f85171d313adda3e3b8771ff5c698ee66a29710d0ac822298e4",
        "image_encoder/model.safetensors": "657723e09f46a7c3957df651601029f66b1748afb12b419816330f16ed45d64d",
        "image_processor/preprocessor_config.json": "0a70aaa5de2ccb5e222b0e7e3ea347a3da051c3588c763cdd23b4d80bbf96b65",
    },
    "decoder": {
        "unet/config.json": "4f30206052776397195b5f1c9df9d7f7e34f50b1cb1ad9a027856021a94b62d6",
        "unet/diffusion_pytorch_model.safetensors": "3cc2f07442b9de0f18fb3f22247790872c094c4acc9dbe68552f96fd2e5c1ea1",
        "movq/config.json": "b7448f3ea8aecf233629b20c1f606887e22244656edcee1be6a419079717a23e",
        "movq/diffusion_pytorch_model.safetensors": "43a5860fea195a7116f2471396c5cc9535fade9b63c4857d8a192ffd924b7002",
        "scheduler/scheduler_config.json": "b0900b16ee3e47c7b1e3c3fda579835d8dbc8bb5ba8434395412fed5c732c597",
    },
}


@dataclass(frozen=True, kw_only=True)
class StackSpec:
    """The specification of a stack: the sources of its weights, and its preferences."""

    name: str
    """The name for `--stack`."""
    clip: str
    """An open_clip model's name, `hf-hub:org/repo` or `local-dir:FOLDER`."""
    clip_pretrained: str | None = None
    """The tag, or the .safetensors file, of weights for an open_clip model's name."""
    clip_towers: str | None = None
    """A folder or hub id of the same CLIP in transformers' layout (image_encoder/ text_encoder/)."""
    prior: str
    """A folder or hub id of a λ prior (config.json and safetensors)."""
    decoder: str
    """A folder or hub id in diffusers' layout, such as Kandinsky's unet/ movq/ scheduler/."""
    unet: str | None = None
    """A folder or hub id of a fine-tuned UNet in place of the decoder's: config.json and safetensors, or unet/."""
    family: str = KANDINSKY
    """The decoder's family: a name in `families.FAMILIES`."""
    decoder_settings: dict[str, Any] = field(default_factory=dict)
    """Settings of the family's own: names in `families.SETTINGS`."""
    detector: str = "IDEA-Research/grounding-dino-tiny"
    """A folder or hub id of a Grounding DINO, for --segment grounded."""
    segmenter: str = "facebook/sam-vit-base"
    """A folder or hub id of a SAM, for --segment grounded."""
    dino: str = "timm/vit_small_patch16_224.dino"
    """A folder or hub id of a DINO in timm's layout, which measures likeness."""
    metrics: dict[str, Any] = field(default_factory=dict)
    """Folders or hub ids of the published networks of metrics, by their names in `METRIC_NETWORKS`."""
    judge: str = "clip"
    """The metrics of drawn pictures: `clip` (and DINO), or `miniature` for the miniature's oracle."""
    resolution: int | None = None
    """Pixels on a side; None is the UNet's training resolution."""
    revision: str | None = None
    """The decoder's revision on the hub, as `revisions` may name it too."""
    revisions: dict[str, Any] = field(default_factory=dict)
    """The revision of each part on the hub, by its name here: clip, clip_towers, prior, decoder, unet, …"""
    hashes: dict[str, Any] = field(default_factory=dict)
    """The SHA-256 of files, by their part and their name in the part's folder or repository."""
    variant: str | None = None
    """The preferred variant of weight files, such as fp16. A part without it uses its other files."""
    precision: str = "auto"
    """`fp32`, `fp16`, `bf16`, or `auto`: half on a GPU, fp32 elsewhere."""
    edges: str = "canny"
    """The edge map of its prior's training, for `--edges`: `canny` (as the published λ-ECLIPSE) or `gradient`."""
    subjects: int | None = None
    """The most subjects that one picture of its prior's training shows; None is not known."""
    words: Path | None = None
    """A file of all words that it knows, one a line; None: it knows as many as any CLIP."""
    licence: str = "see where the weights come from"
    """The licence of the weights, shown before a download."""
    download: str = "its weights"
    """The size of the weights, shown before a download."""
    sizes: dict[str, Any] = field(default_factory=dict)
    """The bytes to download for each of clip, prior and decoder, where they are known."""
    gpu_bytes: int | None = None
    """The GPU memory that one picture takes at the stack's resolution, where it is known."""
    on_cpu: str = "one picture takes many minutes"
    """How long drawing takes without a GPU, shown before a download on such a machine."""
    finetune: dict[str, Any] = field(default_factory=dict)
    """FinetuneConfig's settings that this stack prefers."""
    steps_for_thirty: int = 8_000
    """The default steps of a fine-tuning on thirty concepts; 8,000 is the paper's (appendix D)."""
    generate: dict[str, Any] = field(default_factory=dict)
    """GenerateConfig's settings that this stack prefers."""

    def __post_init__(self) -> None:
        for name in ("name", "clip", "prior", "decoder", "detector", "segmenter", "dino"):
            require(bool(getattr(self, name)), f"The stack's {name} is empty.", "Set it in the stack's TOML file.")
        require_family(self.family)
        require_settings(self.family, self.decoder_settings)
        for name, known in (("precision", PRECISIONS), ("edges", EDGE_MAPS), ("judge", JUDGES)):
            value = getattr(self, name)
            require(value in known, f"The stack's {name} is {value!r}.", f"Give one of: {' '.join(known)}.")
        steps, most = self.steps_for_thirty, LARGEST["steps"]
        fits = STEPS_FOR_ONE <= steps <= most
        require(fits, f"The stack's steps_for_thirty is {steps}.", f"Give {STEPS_FOR_ONE} to {most}.")
        for network, place in self.metrics.items():
            some = f"Give some of: {', '.join(METRIC_NETWORKS)}."
            require(network in METRIC_NETWORKS, f"The stack's metrics have {network!r}.", some)
            named = isinstance(place, str) and place != ""
            require(named, f"The stack's metrics have {network} = {place!r}.", "Give a folder or a hub id.")
        self._require_pins()

    def revision_of(self, part: str) -> str | None:
        """Return the pinned revision of a part, or None."""
        return self.revisions.get(part) or (self.revision if part == "decoder" else None)

    def _require_pins(self) -> None:
        for part in (*self.revisions, *self.hashes):
            require(part in PLACES, f"The stack pins {part!r}, which is no part.", f"Pin: {', '.join(PLACES)}.")
        for part, revision in self.revisions.items():
            named = isinstance(revision, str) and revision != ""
            require(named, f"The stack's revision of {part} is {revision!r}.", "Give a commit, a tag or a branch.")
        for part, files in self.hashes.items():
            remedy = "Give a table of file names and their SHA-256."
            require(isinstance(files, dict), f"The stack has hashes of {part} = {files!r}.", remedy)
            for name, sha in files.items():
                valid = isinstance(sha, str) and SHA256.fullmatch(sha) is not None
                require(valid, f"The stack's hash of {part} {name} is {sha!r}.", "Give 64 lower-case hex digits.")


BUILT_IN = {
    "miniature": StackSpec(
        name="miniature",
        clip=f"local-dir:{WEIGHTS / 'clip'}",
        prior=str(WEIGHTS / "prior"),
        decoder=str(WEIGHTS / "decoder"),
        precision="fp32",
        edges="gradient",
        judge="miniature",
        subjects=3,
        words=WEIGHTS / "words.txt",
        licence="Apache-2.0",
        download="nothing: it is part of the package",
        generate={"guidance_scale": 3.0, "score": True},
        gpu_bytes=int(0.3 * 2**30),  # counted, nearly all of it for kernels' own buffers
        steps_for_thirty=1_500,  # more steps undress subjects: docs/decisions/0083, 0090
        finetune={
            "learning_rate": 1e-3,
            "batch_size": 8,
            "rank": 32,
            "targets": "attention-and-convolutions",
            "conditions": "scenes",
            "random_flip": True,  # the world has the mirror image of every subject: docs/decisions/0084, 0090
        },
    ),
    "kandinsky-2.2": StackSpec(
        name="kandinsky-2.2",
        clip="ViT-bigG-14",
        clip_pretrained="laion2b_s39b_b160k",
        clip_towers="kandinsky-community/kandinsky-2-2-prior",
        prior="ECLIPSE-Community/Lambda-ECLIPSE-Prior-v1.0",
        decoder="kandinsky-community/kandinsky-2-2-decoder",
        resolution=512,
        subjects=4,
        licence="Kandinsky 2.2: Apache-2.0; CLIP ViT-bigG-14: MIT; λ-ECLIPSE prior: see its page on the hub",
        download="about 11.9 GB: CLIP 6.5 GB, decoder 5.3 GB, prior 0.1 GB",
        sizes={"clip": 6_468_615_640, "prior": 139_400_000, "decoder": 5_283_690_316},
        gpu_bytes=int(3.3 * 2**30),  # counted: docs/decisions/0041
        revisions=KANDINSKY_REVISIONS,
        hashes=KANDINSKY_HASHES,
        on_cpu="one picture takes about 12 minutes on two free cores, and 7 GiB of memory",
    ),
}
