"""The settings of the recipe: those that the weights depend on, and those of each stage."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lambda_studio.config import require
from lambda_studio.miniature.recipe.stage import StageConfig

STAGES = ("clip", "movq", "decoder", "prior", "control", "decoding", "oracle")


def require_stages(names: Sequence[str]) -> None:
    """Raise InvalidSetting for a name that no stage has."""
    for name in names:
        require(name in STAGES, f"There is no stage {name!r}.", f"Give some of: {' '.join(STAGES)}.")


CLIP = StageConfig(steps=5_000, batch_size=128, learning_rate=8e-4, weight_decay=0.1, warmup_steps=60)
MOVQ = StageConfig(steps=10_000, batch_size=8, learning_rate=1e-3, ema_decay=0.998)
DECODING = StageConfig(steps=3_000, batch_size=8, learning_rate=8e-4, ema_decay=0.998)
DECODER = StageConfig(steps=20_000, batch_size=64, learning_rate=1e-3, ema_decay=0.998)
PRIOR = StageConfig(steps=4_000, batch_size=96, learning_rate=6e-4)
CONTROL = StageConfig(steps=4_000, batch_size=96, learning_rate=6e-4, warmup_steps=30)
ORACLE = StageConfig(steps=8_000, batch_size=96, learning_rate=1e-3)
CONTINUED = {
    "movq": replace(MOVQ, steps=3_000, learning_rate=8e-4),
    "decoding": DECODING,
    "decoder": replace(DECODER, steps=10_000, batch_size=256, learning_rate=8e-4),
    "prior": replace(PRIOR, steps=3_000, learning_rate=3e-4),
    "control": CONTROL,
    "oracle": replace(ORACLE, steps=6_000, learning_rate=8e-4),
}
"""The stages that go on from earlier weights. CLIP and MoVQ's latents stay as they are."""
ON_GPU = {
    "clip": replace(CLIP, steps=3_000, batch_size=768),
    "movq": replace(MOVQ, steps=3_000, batch_size=64),
    "decoding": replace(DECODING, steps=1_500, batch_size=64),
    "decoder": replace(DECODER, steps=9_000, batch_size=256),
    "prior": replace(PRIOR, steps=8_000),
    "control": replace(CONTROL, steps=5_000),
    "oracle": replace(ORACLE, steps=4_000, batch_size=256),
}
"""The stages of a recipe from nothing on a GPU, which takes large batches in the time of small ones."""
PICTURES_A_FILE = 8_192
"""The number of encoded pictures per file. A stopped run encodes at most one file's pictures again."""


@dataclass(frozen=True, kw_only=True)
class RecipeConfig:
    """The settings that the weights depend on."""

    seed: int = 20
    pictures: int = 36_000
    """The scenes of the corpus, from which CLIP learns."""
    prior_pictures: int = 16 * PICTURES_A_FILE
    """The prior's training scenes. The prior memorises a set as small as the corpus (docs/decisions/0073)."""
    decoder_pictures: int = 14 * PICTURES_A_FILE
    """The decoder's training pictures. The decoder memorises a set as small as the corpus (docs/decisions/0026)."""
    clip: StageConfig = CLIP
    movq: StageConfig = MOVQ
    decoding: StageConfig = DECODING
    decoder: StageConfig = DECODER
    prior: StageConfig = PRIOR
    control: StageConfig = CONTROL
    oracle: StageConfig = ORACLE
    edges: str = "canny"
    """The edge map that CLIP and the prior learn: a key of `pictures.edges.EDGE_MAPS`."""
    device: str = "cpu"
    start: Path | None = None
    """The folder of exported weights that the stages go on from. None trains from nothing."""
    compiled: bool = False
    """Compile the forward passes of MoVQ and the UNet on a CPU: a third faster, but needs a C++ compiler."""

    workers: int = 0
    """The processes beside a stage that write its captions and prompts."""

    @classmethod
    def from_nothing(cls, device: str) -> "RecipeConfig":
        """Return the recipe from nothing on a device. On a GPU it has more pictures, larger batches and fewer steps."""
        if device == "cpu":
            return cls()
        large: dict[str, Any] = ON_GPU
        return cls(device=device, pictures=65_536, decoder_pictures=49 * PICTURES_A_FILE, **large)

    @classmethod
    def continuing(cls, start: Path, edges: str) -> "RecipeConfig":
        """Return the recipe that goes on from exported weights, for a world with new details and the same captions."""
        shorter: dict[str, Any] = CONTINUED
        return replace(cls(start=start, edges=edges, decoder_pictures=49 * PICTURES_A_FILE), **shorter)

    def scaled(self, share: float) -> "RecipeConfig":
        """Return the recipe with `share` of the steps and the pictures, for a trial run."""
        if share == 1.0:
            return self
        shorter = {name: getattr(self, name).scaled(share) for name in STAGES}
        pictures, prior_pictures, decoder_pictures = (
            max(512, int(n * share)) for n in (self.pictures, self.prior_pictures, self.decoder_pictures)
        )
        return replace(
            self, pictures=pictures, prior_pictures=prior_pictures, decoder_pictures=decoder_pictures, **shorter
        )
