"""How much of what was asked for is seen in pictures: who is there, in which looks, wearing what, where.

The oracle reads them: a network trained for it on rendered pictures only, and measured on them, so that neither the
CLIP that conditioned a picture nor the decoder that drew it is the judge.
"""

from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from lambda_studio.miniature.judge.oracle import Oracle, Reading
from lambda_studio.miniature.world.figures import FIGURES
from lambda_studio.miniature.world.scenes import NOTHING, Scene
from lambda_studio.models.pretrained import load_model
from lambda_studio.models.stack import WEIGHTS

LOOKS = ("main", "second", "pattern")
ANSWERS = ("place", "noun", *LOOKS, "worn")


@dataclass(frozen=True)
class Marks:
    """What was seen of each subject that was asked for, `picture slot`; where nothing was asked it is NaN or false.

    `probability` is that of the right answer, `first` whether it was the likeliest; `place` has one slot. A noun counts
    as the likeliest where it is among as many as there should be. `identity` is each subject's identity embedding.
    """

    probability: dict[str, Float[Tensor, "picture slot"]]
    first: dict[str, Bool[Tensor, "picture slot"]]
    identity: Float[Tensor, "picture slot dim"]

    def share(self, answer: str) -> float:
        """The share of right answers; NaN where nothing was asked."""
        return self.first[answer][~self.probability[answer].isnan()].float().mean().item()

    def every(self, *answers: str) -> float:
        """The share of pictures of which all these answers are right for every subject."""
        right = [(self.first[name] | self.probability[name].isnan()).all(1) for name in answers]
        return torch.stack(right).all(0).float().mean().item()

    def likeness(self, references: Float[Tensor, "picture slot dim"]) -> float:
        """Mean cosine similarity between the subjects and references of theirs, in -1..1."""
        asked = ~self.probability["noun"].isnan()
        return F.cosine_similarity(self.identity, references, dim=-1)[asked].mean().item()


class Reader:
    """An oracle that reads pictures of the miniature's world against the scenes that were asked for."""

    def __init__(self, oracle: Oracle):
        self.oracle = oracle.eval().requires_grad_(False)

    @torch.no_grad()
    def mark(self, images: Float[Tensor, "picture 3 height width"], scene: Scene) -> Marks:
        """Read pictures and compare them with what they should show."""
        reading = _joined([self.oracle(part) for part in images.split(128)])
        noun, rows = scene.who.noun.clamp_min(0), torch.arange(len(scene))[:, None]
        there = scene.who.noun != NOTHING
        truth = {name: getattr(scene.who, name) for name in LOOKS} | {"worn": scene.worn + 1}
        chances = {name: reading.nouns[name][rows, noun].softmax(-1) for name in truth}
        probability = {name: chances[name].gather(-1, truth[name][..., None])[..., 0] for name in truth}
        first = {name: chances[name].argmax(-1) == truth[name] for name in truth}
        present = reading.nouns["present"][:, : len(FIGURES), 0]
        probability["noun"] = present.sigmoid()[rows, noun.clamp_max(len(FIGURES) - 1)]
        rank = (present[:, None, :] > present[rows, noun.clamp_max(len(FIGURES) - 1)][..., None]).sum(-1)
        first["noun"] = rank < there.sum(1, keepdim=True)
        place = reading.place.softmax(-1)
        probability["place"] = place.gather(1, scene.place[:, None])
        first["place"] = place.argmax(1, keepdim=True) == scene.place[:, None]
        asked = {name: there for name in ANSWERS} | {"worn": there & (scene.worn != NOTHING)}
        asked["place"] = torch.ones_like(scene.place, dtype=torch.bool)[:, None]
        return Marks(
            {name: value.where(asked[name], torch.nan) for name, value in probability.items()},
            {name: value & asked[name] for name, value in first.items()},
            reading.identity[rows, noun],
        )


def load_reader(folder: Path = WEIGHTS / "oracle") -> Reader:
    """The reader that ships, or the one in `folder`. Raises ModelFilesMissing and ModelFilesInvalid."""
    return Reader(load_model(Oracle, folder, torch.device("cpu"), torch.float32))


def _joined(parts: list[Reading]) -> Reading:
    nouns = {name: torch.cat([part.nouns[name] for part in parts]) for name in parts[0].nouns}
    return Reading(
        torch.cat([p.place for p in parts]),
        nouns,
        torch.cat([p.identity for p in parts]),
        torch.cat([p.cells for p in parts]),
    )
