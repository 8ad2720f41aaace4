"""Settings for drawing a prompt."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from lambda_studio.settings.base import LARGEST, Settings, require


def require_seeds(first: int, count: int) -> None:
    """Raise InvalidSetting if the last of the seeds that count up from the first is too large."""
    last = first + count - 1
    cause = f"The last of {count} pictures would have the seed {last}."
    require(last <= LARGEST["seed"], cause, f"The largest is {LARGEST['seed']}: give a smaller seed.", "seed")


class Size(NamedTuple):
    """The height and width of a picture, in pixels. As text, a square is one number: 512, and 768x512 wide and high."""

    height: int
    width: int

    @classmethod
    def square(cls, side: int) -> "Size":
        """Return the size of a square."""
        return cls(side, side)

    def __str__(self) -> str:
        return f"{self.width}" if self.height == self.width else f"{self.width}x{self.height}"


class BatchRow(NamedTuple):
    """The row of a picture in the batch that was drawn at once. The rounding of its pixels depends on it."""

    row: int
    """From 0."""
    size: int


ALONE = BatchRow(0, 1)

REFERENCES = ("mean", "nearest", "each")
SAMPLERS = ("ddim", "ddpm", "dpm++2m", "unipc", "euler", "lcm")
SCHEDULERS = {
    "DDIMScheduler": "ddim",
    "DDPMScheduler": "ddpm",
    "DPMSolverMultistepScheduler": "dpm++2m",
    "UniPCMultistepScheduler": "unipc",
    "EulerDiscreteScheduler": "euler",
    "LCMScheduler": "lcm",
}
"""The sampler of each of diffusers' classes, whose names are accepted too."""
LCM_STEPS = 50
"""The steps of which diffusers' LCMScheduler takes a part."""
SIZE_FIELDS = frozenset(("resolution", "height", "width"))


@dataclass(frozen=True, kw_only=True)
class GenerateConfig(Settings):
    """Settings for drawing a prompt. The defaults are the paper's (section 4)."""

    num_inference_steps: int = 50
    """Denoising steps."""
    sampler: str = "ddim"
    """The way from noise to a picture: ddim, ddpm, dpm++2m, unipc, euler or lcm, as diffusers' schedulers of these
    names. The names of their classes (DDIMScheduler) are accepted, and stored as these. lcm is for decoders that were
    distilled for it."""
    strength: float | None = None
    """With a photograph: how much noise it gets, from 0 (none) to 1 (only noise is left). So many of the steps are
    run. None: 0.5, and 1 with a mask."""
    negative_prompt: str = ""
    """What pictures are guided away from, through the prior. Empty: away from no picture, as in the paper."""
    references: str = "mean"
    """Which reference images of a concept are drawn: the `mean` of all, the one `nearest` to it, or from seed to seed
    `each` in turn."""
    score: bool = False
    """Measure how much each picture is like its concepts' references, by the stack's CLIP, and DINO if it is here."""
    best: int | None = None
    """Keep only so many pictures of each prompt: those with the highest score. None: all."""
    metadata: bool = True
    """Write into each picture what it was drawn from."""
    deep_cache_interval: int = 1
    """Run the whole UNet only in every so many steps, and only its outer layers in the others, from the expected deep
    features (DeepCache). Faster, and nearly the same pictures; 1 switches it off."""
    edges_low: int | None = None
    """With edges: Canny's lower threshold. None: 100, as in the published code."""
    edges_high: int | None = None
    """With edges: Canny's upper threshold. Fewer edges are found with a higher one. None: 200."""
    save_edges: bool = False
    """With edges: write their map beside the pictures."""
    guidance_scale: float = 7.5
    """Classifier-free guidance; 1 switches it off."""
    seed: int | None = None
    """Picture i of a command uses seed + i, for every batch size. None: a new seed for each command, which is told."""
    resolution: int | None = None
    """Pixels on a side of square pictures; None is the stack's resolution."""
    height: int | None = None
    """Pixels from top to bottom; None is the stack's resolution. Not together with `resolution`."""
    width: int | None = None
    """Pixels from left to right; None is the stack's resolution. Not together with `resolution`."""
    batch_size: int = 8
    """Pictures drawn at once. It affects speed and memory use, and a picture only in its rounding."""
    decode_in_tiles: bool = False
    """Decode pictures above 768 pixels in tiles: less memory, and a slightly different picture. Also chosen where the
    free memory of the GPU is less than decoding the whole picture takes."""

    def __post_init__(self, _given: frozenset[str]) -> None:
        super().__post_init__(_given)
        object.__setattr__(self, "sampler", SCHEDULERS.get(self.sampler, self.sampler))
        self._require("num_inference_steps", 1 <= self.num_inference_steps <= 1000, "Give 1 to 1000.")
        self._require(
            "guidance_scale",
            0 < self.guidance_scale <= 100,
            "Give more than 0, up to 100. 0 would ignore the prompt; 1 switches guidance off.",
        )
        runs = self.strength is None or (0 < self.strength <= 1 and self.steps_run >= 1)
        self._require(
            "strength", runs, f"Give {1 / self.num_inference_steps:.3g} to 1. The least draws one of the steps."
        )
        classes = "or the name of its class in diffusers, such as EulerDiscreteScheduler"
        self._require("sampler", self.sampler in SAMPLERS, f"Give one of: {', '.join(SAMPLERS)}; {classes}.")
        self._require("deep_cache_interval", 1 <= self.deep_cache_interval <= 10, "Give 1 to 10.")
        distilled = self.sampler != "lcm" or self.num_inference_steps <= LCM_STEPS
        self._require("num_inference_steps", distilled, f"lcm takes up to {LCM_STEPS}; 4 to 8 are usual.")
        self._require("references", self.references in REFERENCES, f"Give one of: {', '.join(REFERENCES)}.")
        self._require_between(0, "edges_low", "edges_high")
        low, high = self.edge_thresholds
        cause = f"edges_low is {low}, and edges_high {high}."
        require(low <= high, cause, "Give a lower edges_low, or a higher edges_high.", "edges_low", "edges_high")
        used = self.guidance_scale != 1 or not self.negative_prompt
        self._require("negative_prompt", used, "With guidance_scale=1 it does nothing: give a higher one.")
        self._require("best", self.best is None or self.best >= 1, "Give 1 or more.")
        unscored = "score" in self.given and not self.score
        require(
            self.best is None or not unscored, "The best are chosen by their score.", "Leave out score=False.", "score"
        )
        self._require_between(1, "batch_size", *sorted(SIZE_FIELDS))
        self._require_between(0, "seed")
        require(
            self.resolution is None or (self.height is None and self.width is None),
            "Both resolution and size (height, width) are given.",
            "Give one of them: resolution is for squares.",
            "resolution",
            "size",
        )

    @property
    def edge_thresholds(self) -> tuple[int, int]:
        """Canny's lower and upper threshold."""
        low, high = self.edges_low, self.edges_high
        return 100 if low is None else low, 200 if high is None else high

    @property
    def steps_run(self) -> int:
        """The denoising steps that are run, which `strength` cuts as diffusers' image-to-image pipelines do."""
        share = 1.0 if self.strength is None else self.strength
        return min(int(self.num_inference_steps * share), self.num_inference_steps)

    def size(self, resolution: int) -> Size:
        """Return the size of the pictures, for a stack with this resolution."""
        if self.resolution is not None:
            return Size.square(self.resolution)
        return Size(self.height or resolution, self.width or resolution)

    def preferring(self, preferences: Mapping[str, Any]) -> "GenerateConfig":
        """Return these settings with `preferences` for the fields that were not given.

        A stack's preferred size counts only if nothing about the size was given. Raises InvalidSetting.
        """
        if self.given & SIZE_FIELDS:
            preferences = {name: value for name, value in preferences.items() if name not in SIZE_FIELDS}
        return super().preferring(preferences)
