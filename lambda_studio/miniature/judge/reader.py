"""Measure how much of a prompt is visible in its pictures: subjects, looks, worn things and place.

The oracle reads the pictures. It is trained on rendered pictures only, and is therefore independent of the decoder of
the generated pictures. docs/reference/oracle.md has its errors on generated pictures.
"""

from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from lambda_studio.miniature.judge.oracle import Oracle, Reading
from lambda_studio.miniature.judge.questions import DETAILS
from lambda_studio.miniature.world.figures import FIGURES
from lambda_studio.miniature.world.identities import NOTHING
from lambda_studio.miniature.world.scenes import Scene
from lambda_studio.models.files.pretrained import load_model
from lambda_studio.models.stacks.stack import WEIGHTS

ORACLE = WEIGHTS / "oracle"
"""The folder of the packaged oracle."""
LOOKS = ("main", "second", "pattern")
ANSWERS = ("place", "noun", *LOOKS, "worn", "details")
"""`details` are right if the colours of both parts are."""


@dataclass(frozen=True)
class Marks:
    """The oracle's readings of each expected subject, `picture slot`. Slots without a question are NaN or false.

    `probability` is the probability of the right answer, and `first` is whether this answer has the highest. `place`
    has one slot. A noun is `first` if it is among the top n of n expected subjects. `identity` is each subject's
    identity embedding.
    """

    probability: dict[str, Float[Tensor, "picture slot"]]
    first: dict[str, Bool[Tensor, "picture slot"]]
    identity: Float[Tensor, "picture slot dim"]

    def share(self, answer: str) -> float:
        """Return the share of right answers, or NaN if there are no questions."""
        return self.first[answer][~self.probability[answer].isnan()].float().mean().item()

    def every(self, *answers: str) -> float:
        """Return the share of pictures where all these answers are right for every subject."""
        right = [(self.first[name] | self.probability[name].isnan()).all(1) for name in answers]
        return torch.stack(right).all(0).float().mean().item()

    def likeness(self, references: Float[Tensor, "picture slot dim"]) -> float:
        """Return the mean cosine similarity between the subjects and their references, in -1..1."""
        asked = ~self.probability["noun"].isnan()
        return F.cosine_similarity(self.identity, references, dim=-1)[asked].mean().item()


class Reader:
    """An oracle that compares pictures of the miniature's world with the expected scenes."""

    def __init__(self, oracle: Oracle):
        self.oracle = oracle.eval().requires_grad_(False)

    @torch.no_grad()
    def mark(self, images: Float[Tensor, "picture 3 height width"], scene: Scene) -> Marks:
        """Read pictures and compare them with the expected scene."""
        reading = _joined([self.oracle(part) for part in images.split(128)])
        noun, rows = scene.who.noun.clamp_min(0), torch.arange(len(scene))[:, None]
        there = scene.who.noun != NOTHING
        truth = {name: getattr(scene.who, name) for name in (*LOOKS, *DETAILS)} | {"worn": scene.worn + 1}
        chances = {name: reading.nouns[name][rows, noun].softmax(-1) for name in truth}
        probability = {name: chances[name].gather(-1, truth[name][..., None])[..., 0] for name in truth}
        first = {name: chances[name].argmax(-1) == truth[name] for name in truth}
        probability["details"] = torch.stack([probability.pop(name) for name in DETAILS]).prod(0)
        first["details"] = torch.stack([first.pop(name) for name in DETAILS]).all(0)
        present = reading.nouns["present"][:, : len(FIGURES), 0]
        probability["noun"] = present.sigmoid()[rows, noun.clamp_max(len(FIGURES) - 1)]
        rank = (present[:, None, :] > present[rows, noun.clamp_max(len(FIGURES) - 1)][..., None]).sum(-1)
        first["noun"] = rank < there.sum(1, keepdim=True)
        place = reading.place.softmax(-1)
        probability["place"] = place.gather(1, scene.place[:, None])
        first["place"] = place.argmax(1, keepdim=True) == scene.place[:, None]
        asked = {name: there for name in ANSWERS} | {"worn": there & (scene.worn != NOTHING)}
        asked["details"] = there & (noun < len(FIGURES))
        asked["place"] = torch.ones_like(scene.place, dtype=torch.bool)[:, None]
        return Marks(
            {name: value.where(asked[name], torch.nan) for name, value in probability.items()},
            {name: value & asked[name] for name, value in first.items()},
            reading.identity[rows, noun],
        )


def load_reader(folder: Path = ORACLE) -> Reader:
    """Load the packaged reader, or the one in `folder`. Raises ModelFilesMissing and ModelFilesInvalid."""
    return Reader(load_model(Oracle, folder, torch.device("cpu"), torch.float32))


def _joined(parts: list[Reading]) -> Reading:
    nouns = {name: torch.cat([part.nouns[name] for part in parts]) for name in parts[0].nouns}
    return Reading(
        torch.cat([p.place for p in parts]),
        nouns,
        torch.cat([p.identity for p in parts]),
        torch.cat([p.cells for p in parts]),
    )
