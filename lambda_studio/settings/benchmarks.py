"""Settings of benchmarks: what is drawn, and the protocol by which it is scored."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from lambda_studio.settings.base import Settings, require

REFERENCES = ("all", "one")
DINOS = ("auto", "none", "dino-vits16", "dino-vits8", "dinov2-vits14")
CLIPS = ("stack", "b32", "l14")
MEANS = ("macro", "pairs")
MOST_PICTURES = 100


def places_of(weights: Sequence[str]) -> dict[str, str]:
    """Return folders of weights by the network's name, from "dino-vits16=FOLDER". Raises InvalidSetting."""
    wrong = next((each for each in weights if "=" not in each.strip("=")), None)
    require(wrong is None, f"weights is {wrong!r}.", "Give a network and its folder, as dino-vits16=FOLDER.", "weights")
    return {name: place for name, _, place in (each.partition("=") for each in weights)}


@dataclass(frozen=True, kw_only=True)
class BenchmarkConfig(Settings):
    """Settings of a benchmark of subjects. The defaults are DreamBooth's protocol, with the stack's CLIP."""

    pictures: int = 4
    """Pictures of each prompt."""
    references: str = "all"
    """The photographs that pictures are compared with: all of a subject, or one (for DreamBench, the one that Kosmos-G
    keeps)."""
    drawn_from: str | None = None
    """The photographs that the subject is drawn from: all or one. None is the same as `references`."""
    dino: str = "auto"
    """The DINO of likeness: dino-vits16, dino-vits8, dinov2-vits14, none, or auto (the first if it is here)."""
    clip: str = "stack"
    """The CLIP of CLIP-I and CLIP-T: the stack's own, b32 or l14."""
    weights: tuple[str, ...] = ()
    """Folders of the weights of DINO and CLIP, as "dino-vits16=FOLDER". Others are looked for in the hub's cache."""
    unique_token: str = ""
    """A word before the noun in the text that CLIP-T reads, such as sks. Empty: the noun alone."""
    mean: str = "macro"
    """How subjects are averaged: each the same (macro), or by its number of references (pairs)."""
    segment: str = "auto"
    """How the subject is found in its photographs, as `concepts.add` takes it."""
    adapter: str = "none"
    """The adapter that draws: its number, name or hash, with `:SCALE` or without."""
    subjects: tuple[str, ...] = ()
    """Only these subjects. Empty: all."""
    prompts: tuple[str, ...] = ()
    """Only the prompts with these numbers, from 1, as "3" or "1-5". Empty: all."""

    def __post_init__(self, _given: frozenset[str]) -> None:
        super().__post_init__(_given)
        self._require("pictures", 1 <= self.pictures <= MOST_PICTURES, f"Give 1 to {MOST_PICTURES}.")
        self._require("references", self.references in REFERENCES, "Give all or one.")
        self._require("drawn_from", self.drawn_from in (None, *REFERENCES), "Give all or one.")
        self._require("dino", self.dino in DINOS, f"Give one of: {', '.join(DINOS)}.")
        self._require("clip", self.clip in CLIPS, f"Give one of: {', '.join(CLIPS)}.")
        self._require("mean", self.mean in MEANS, f"Give one of: {', '.join(MEANS)}.")
        word = self.unique_token.isprintable() and len(self.unique_token.split()) <= 1 and len(self.unique_token) < 40
        self._require("unique_token", word, "Give one word, such as sks.")
        self._require("adapter", self.adapter.partition(":")[0] != "auto", "Name the adapter, or give none.")
        _ = self.places, self.numbers

    @property
    def places(self) -> dict[str, str]:
        """The folders in `weights`, by the network's name. Raises InvalidSetting."""
        return places_of(self.weights)

    @property
    def source(self) -> str:
        """The photographs that the subject is drawn from: all or one."""
        return self.drawn_from or self.references

    @property
    def numbers(self) -> frozenset[int]:
        """The numbers in `prompts`. Raises InvalidSetting."""
        found: set[int] = set()
        for each in self.prompts:
            first, dash, last = each.partition("-")
            is_range = first.isdecimal() and (last.isdecimal() if dash else True)
            numbers = range(int(first), int(last or first) + 1) if is_range and len(each) < 12 else range(0)
            cause = f"prompts has {each[:40]!r}."
            require(bool(numbers) and numbers[0] >= 1, cause, "Give numbers from 1, such as 3 or 1-5.", "prompts")
            found.update(numbers)
        return frozenset(found)

    def require_numbers(self, there: Collection[int]) -> None:
        """Raise InvalidSetting for a number in `prompts` that no prompt has, which count from 1."""
        missing = sorted(self.numbers.difference(there))
        numbers = ", ".join([*map(str, missing[:5]), *["…"] * (len(missing) > 5)])
        cause, most = f"prompts names {numbers}, which no prompt has.", max(there, default=0)
        require(not missing, cause, f"Give numbers from 1 to {most}.", "prompts")
