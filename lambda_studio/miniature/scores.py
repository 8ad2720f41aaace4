"""How much of what was asked for the oracle finds in pictures: who is there, in which looks, wearing what, where."""

from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from lambda_studio.miniature.figures import FIGURES
from lambda_studio.miniature.oracle import Oracle, Reading
from lambda_studio.miniature.world import NOTHING, Scene
from lambda_studio.models.decoder import load_model

ORACLE = Path(__file__).parent / "weights" / "oracle"
IDENTITY = ("main", "second", "pattern")
COMPOSITION = ("noun", "place", "worn")


@dataclass(frozen=True)
class Marks:
    """Whether each answer is right, for every picture, and for every slot of it where it is about a subject.

    `asked` says which slots have a subject; `worn` and the looks mean nothing in the others. `worn` is also right
    where nothing was asked for and nothing is worn.
    """

    place: Bool[Tensor, " picture"]
    noun: Bool[Tensor, "picture slot"]
    main: Bool[Tensor, "picture slot"]
    second: Bool[Tensor, "picture slot"]
    pattern: Bool[Tensor, "picture slot"]
    worn: Bool[Tensor, "picture slot"]
    asked: Bool[Tensor, "picture slot"]
    dressed: Bool[Tensor, "picture slot"]

    def share(self, answer: str) -> float:
        """The share of right answers; `worn` over the subjects that should wear something."""
        right = getattr(self, answer)
        if right.ndim == 1:
            return right.float().mean().item()
        return right[self.dressed if answer == "worn" else self.asked].float().mean().item()

    def every(self, answer: str) -> float:
        """The share of pictures in which all subjects have the answer right."""
        return (getattr(self, answer) | ~self.asked).all(1).float().mean().item()


def load_oracle(folder: Path = ORACLE, device: str = "cpu") -> Oracle:
    """The oracle that ships. Raises ModelFilesMissing and ModelFilesInvalid."""
    return load_model(Oracle, folder, device, torch.float32)


@torch.no_grad()
def read(oracle: Oracle, images: Float[Tensor, "picture 3 64 64"], batch_size: int = 128) -> Reading:
    """The oracle's reading of any number of pictures."""
    parts = [oracle(batch) for batch in images.split(batch_size)]
    nouns = {name: torch.cat([part.nouns[name] for part in parts]) for name in parts[0].nouns}
    return Reading(torch.cat([p.place for p in parts]), nouns, torch.cat([p.identity for p in parts]))


def mark(reading: Reading, scene: Scene) -> Marks:
    """Compare a reading with the scenes that were asked for."""
    noun = scene.who.noun
    asked = noun != NOTHING
    row = torch.arange(len(noun))[:, None]
    of = noun.clamp_min(0)
    chosen = {name: logits[row, of] for name, logits in reading.nouns.items()}
    right = {name: chosen[name].argmax(-1) == getattr(scene.who, name) for name in IDENTITY}
    return Marks(
        place=reading.place.argmax(1) == scene.place,
        noun=chosen["present"][..., 0] > 0,
        worn=chosen["worn"].argmax(-1) == scene.worn + 1,
        asked=asked & (noun < len(FIGURES)),
        dressed=asked & (scene.worn != NOTHING),
        **right,
    )


def identity_probability(reading: Reading, scene: Scene) -> Float[Tensor, "picture slot"]:
    """The probability that the oracle gives to a subject's true colours and pattern, as a geometric mean; 0..1."""
    row, of = torch.arange(len(scene))[:, None], scene.who.noun.clamp_min(0)
    logs = [
        reading.nouns[name][row, of].log_softmax(-1).gather(-1, getattr(scene.who, name)[..., None])[..., 0]
        for name in IDENTITY
    ]
    return torch.stack(logs).mean(0).exp()
