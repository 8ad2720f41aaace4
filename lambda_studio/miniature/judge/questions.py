"""Ask questions about each subject of a scene, and compute the loss of the answers."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from lambda_studio.miniature.world.figures import FIGURES, PATTERNS, WORN
from lambda_studio.miniature.world.identities import COLOURS, NOTHING, NOUNS, PARTS
from lambda_studio.miniature.world.scenes import Scene

LOOKS = {
    "main": len(COLOURS),
    "second": len(COLOURS),
    "pattern": len(PATTERNS),
    "worn": len(WORN) + 1,
    "worn_colour": len(COLOURS),
}
"""The questions about what captions name, with their number of answers. `worn` 0 is no worn thing."""
DETAILS = dict.fromkeys(PARTS, len(COLOURS))
"""The questions about the colours of a subject's parts, which no caption names."""


@dataclass(frozen=True)
class Questions:
    """The subjects of a batch of scenes whose noun is unique in their scene: one entry for each.

    `row` and `noun` identify a subject, `truth` has the right answers, and `asked` selects a question's subjects.
    `position` is the middle of each subject: 1 is the right and the upper edge of the picture.
    """

    row: Int[Tensor, " subject"]
    noun: Int[Tensor, " subject"]
    truth: dict[str, Int[Tensor, " subject"]]
    asked: dict[str, Bool[Tensor, " subject"]]
    position: Float[Tensor, "subject 2"]


def noun_counts(scene: Scene) -> Int[Tensor, "batch noun"]:
    """Return the number of subjects of each noun in a scene."""
    rows = F.one_hot(scene.who.noun.clamp_min(0), len(NOUNS)) * (scene.who.noun != NOTHING)[..., None]
    return rows.sum(1)


def questions(scene: Scene) -> Questions:
    """Return the questions about the scenes. A duplicate noun has no questions."""
    once = noun_counts(scene).gather(1, scene.who.noun.clamp_min(0)) == 1
    row, slot = ((scene.who.noun != NOTHING) & once).nonzero().T
    noun = scene.who.noun[row, slot]
    truth = {name: getattr(scene.who, name)[row, slot] for name in ("main", "second", "pattern", *DETAILS)}
    truth |= {"worn": scene.worn[row, slot] + 1, "worn_colour": scene.worn_colour[row, slot]}
    figure, dressed = noun < len(FIGURES), scene.worn[row, slot] != NOTHING
    asked = {
        "main": torch.ones_like(figure), "second": figure, "pattern": figure,
        "worn": figure, "worn_colour": dressed, **dict.fromkeys(DETAILS, figure),
    }  # fmt: skip
    return Questions(row, noun, truth, asked, torch.stack([scene.x, scene.y], -1)[row, slot])


def answers_loss(answers: Mapping[str, Float[Tensor, "subject class"]], about: Questions) -> Tensor:
    """Return the sum of the cross-entropies of the answered questions. A question without subjects adds 0."""
    loss = torch.zeros((), device=about.row.device)
    for name, logits in answers.items():
        asked = about.asked[name]
        if asked.any():
            loss = loss + F.cross_entropy(logits[asked], about.truth[name][asked])
    return loss


class Readout(nn.Module):
    """A network that answers from one embedding of the whole picture.

    Its loss makes CLIP's embedding hold the details that a decoder needs. It is discarded after CLIP's training.
    """

    def __init__(self, dim: int, hidden: int = 512):
        super().__init__()
        self.picture = nn.Linear(dim, hidden)
        self.noun = nn.Embedding(len(NOUNS), hidden)
        self.answers = nn.ModuleDict({name: nn.Linear(hidden, count) for name, count in LOOKS.items()})
        self.middle = nn.Linear(hidden, 2)

    def forward(
        self, image_embeds: Float[Tensor, "subject dim"], noun: Int[Tensor, " subject"]
    ) -> dict[str, Float[Tensor, "subject class"]]:
        """Return logits for the noun's subject, from a picture's embedding of unit length."""
        hidden = self._hidden(image_embeds, noun)
        return {name: head(hidden).float() for name, head in self.answers.items()}

    def position(
        self, image_embeds: Float[Tensor, "subject dim"], noun: Int[Tensor, " subject"]
    ) -> Float[Tensor, "subject 2"]:
        """Return where the noun's subject is (see `Questions.position`)."""
        return self.middle(self._hidden(image_embeds, noun)).float()

    def _hidden(self, image_embeds: Tensor, noun: Tensor) -> Tensor:
        pictures = self.picture(image_embeds * image_embeds.shape[-1] ** 0.5)
        return F.gelu(pictures * (1 + self.noun(noun)))
