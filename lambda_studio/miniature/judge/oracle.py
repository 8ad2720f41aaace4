"""The oracle, which reads the content of the miniature's pictures and compares the identities of subjects.

It is trained on rendered pictures only. For each noun it predicts presence, colours, pattern and worn thing; for the
picture, the place. Its identity embeddings have the role of DINO's on photographs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from einops import einsum, rearrange
from jaxtyping import Float, Int
from open_clip.modified_resnet import ModifiedResNet
from torch import Tensor, nn

from lambda_studio.miniature.judge.questions import DETAILS, LOOKS, answers_loss, noun_counts, questions
from lambda_studio.miniature.world.identities import NOUNS
from lambda_studio.miniature.world.places import PLACES
from lambda_studio.miniature.world.rendering import SEEN, Rendered, seen
from lambda_studio.miniature.world.scenes import Scene

PER_NOUN = {"present": 1, **LOOKS, **DETAILS}
"""The questions for each noun, with their number of classes."""


GRID = 8
"""The side of the grid of cells whose owners are predicted from the tower's second and third stage."""
FINE_GRID = 16
"""The side of the grid of an oracle that reads the first stage, too."""


@dataclass(frozen=True)
class Reading:
    """Logits: `place` is `batch place`, each entry of `nouns` is `batch noun class`, `cells` is each cell's owner.

    `identity` is `batch noun dim`, of unit length, and valid only for the nouns that are present.
    """

    place: Float[Tensor, "batch place"]
    nouns: dict[str, Tensor]
    identity: Float[Tensor, "batch noun dim"]
    cells: Float[Tensor, "batch cell owner"]
    """The last class is no owner."""

    def float(self) -> "Reading":
        """Return the same logits in float32."""
        nouns = {name: logits.float() for name, logits in self.nouns.items()}
        return Reading(self.place.float(), nouns, self.identity.float(), self.cells.float())


class Oracle(ModelMixin, ConfigMixin):
    """The first three stages of a CLIP's ResNet, with attention over cells for each noun and question.

    Args:
        grid: The side of the grid of cells. With FINE_GRID the oracle also reads the tower's first stage.
    """

    @register_to_config
    def __init__(
        self,
        layers: Sequence[int] = (1, 2, 2),
        width: int = 28,
        dim: int = 256,
        identity_dim: int = 64,
        grid: int = GRID,
    ):
        super().__init__()
        if grid not in (GRID, FINE_GRID):
            raise ValueError(f"An oracle's grid has a side of {GRID} or {FINE_GRID} cells, not {grid}.")
        # open_clip always builds the fourth stage and the pooling
        tower = ModifiedResNet([*layers, 0], output_dim=dim, heads=1, image_size=SEEN, width=width)
        del tower.layer4, tower.attnpool
        self.tower = tower
        self.grid = grid
        stages = (8, 16) if grid == GRID else (4, 8, 16)
        self.features = nn.Linear(sum(stages) * width, dim)
        self.cells = nn.Linear(dim, len(NOUNS) + 1)
        self.relevance = nn.Linear(dim, len(PER_NOUN) + 1)
        nn.init.zeros_(self.relevance.weight)
        self.hidden = nn.Sequential(nn.Linear(dim, 2 * dim), nn.SiLU(), nn.Linear(2 * dim, dim), nn.SiLU())
        self.place = nn.Linear(dim, len(PLACES))
        self.answers = nn.ModuleDict({name: nn.Linear(dim, count) for name, count in PER_NOUN.items()})
        self.identity = nn.Linear(dim, identity_dim)

    def start_from(self, clip_tower: ModifiedResNet) -> None:
        """Load the weights of a CLIP's image tower of the same widths."""
        own = set(self.tower.state_dict())
        self.tower.load_state_dict({name: value for name, value in clip_tower.state_dict().items() if name in own})

    def start_from_oracle(self, state: Mapping[str, Tensor]) -> None:
        """Load the weights of an oracle with the same widths.

        It may answer fewer questions, in the same order, and may have larger cells.
        """
        known, began = len(state["relevance.bias"]) - 1, {}
        for name in ("weight", "bias"):
            there = state[f"relevance.{name}"].float()
            own = torch.zeros_like(getattr(self.relevance, name))
            own[:known], own[-1] = there[:known], there[-1]  # the last is the identity's
            began[f"relevance.{name}"] = own
        there = state["features.weight"].float()
        if there.shape[1] > self.features.in_features:
            raise ValueError("An oracle cannot go on from one that reads more stages than it does itself.")
        began["features.weight"] = F.pad(there, (self.features.in_features - there.shape[1], 0))  # the finest is first
        self.load_state_dict(self.state_dict() | dict(state) | began)

    def forward(self, images: Float[Tensor, "batch 3 height width"]) -> Reading:
        """Read pictures with values in 0..1. They are `seen` first."""
        first = self.tower.layer1(self.tower.stem(seen(images) * 2 - 1))
        second = self.tower.layer2(first)
        third = self.tower.layer3(second)
        return self.read(second, third) if self.grid == GRID else self.read(first, second, third)

    def read(self, *stages: Float[Tensor, "batch _ _ _"]) -> Reading:
        """Read pictures from the features of a tower's stages: the second and third, and for FINE_GRID all three."""
        # a linear layer of the enlarged maps: it is applied before they are enlarged, which is cheaper
        weights = self.features.weight[..., None, None].split([stage.shape[1] for stage in stages], 1)
        mapped = [F.conv2d(*of) for of in zip(stages, weights, strict=True)]
        enlarged = [F.interpolate(each, (self.grid, self.grid), mode="bilinear") for each in mapped]
        features = F.silu(rearrange(torch.stack(enlarged).sum(0), "b c h w -> b (h w) c") + self.features.bias)
        cells = self.cells(features)
        # a cell's weight: the noun's share of the cell, times the cell's relevance for the question
        share = cells.float().log_softmax(-1)[..., :-1, None] + self.relevance(features).float()[..., None, :]
        share = share.softmax(1).to(features.dtype)
        hidden = self.hidden(einsum(share, features, "b cell noun question, b cell c -> question b noun c"))
        answers = {name: head(hidden[i]) for i, (name, head) in enumerate(self.answers.items())}
        return Reading(self.place(features.mean(1)), answers, F.normalize(self.identity(hidden[-1]), dim=-1), cells)


def owners(drawn: Rendered, scene: Scene, grid: int = GRID) -> Int[Tensor, "batch cell"]:
    """Return the owner of each cell of an oracle's grid: a noun's index, or the number of nouns for no owner."""
    covered = F.adaptive_avg_pool2d(drawn.subjects + drawn.worn, grid)
    most, slot = rearrange(covered, "b slot h w -> b (h w) slot").max(-1)
    noun = scene.who.noun.gather(1, slot)
    return noun.where(most > 0.3, len(NOUNS))


def oracle_loss(reading: Reading, scene: Scene, owner: Int[Tensor, "batch cell"]) -> Tensor:
    """Return the cross-entropy of the answers (see `questions`), of the place and of the cells' owners."""
    loss = F.cross_entropy(reading.place, scene.place)
    # most cells have no owner, so this class gets a low weight
    weight = torch.ones(len(NOUNS) + 1, device=owner.device)
    weight[-1] = 0.1
    loss = loss + 3 * F.cross_entropy(reading.cells.flatten(0, 1), owner.flatten(), weight)
    logits = reading.nouns["present"][..., 0]
    present = (noun_counts(scene) > 0).float()
    loss = loss + len(NOUNS) / 4 * F.binary_cross_entropy_with_logits(logits, present)
    about = questions(scene)
    return loss + answers_loss({name: reading.nouns[name][about.row, about.noun] for name in (*LOOKS, *DETAILS)}, about)


def identity_of(reading: Reading, noun: Int[Tensor, " batch"]) -> Float[Tensor, "batch dim"]:
    """Return the identity embedding of the subject that `noun` names in each picture."""
    return reading.identity[torch.arange(len(noun), device=noun.device), noun]


def identity_loss(first: Float[Tensor, "n d"], second: Float[Tensor, "n d"], temperature: float = 0.1) -> Tensor:
    """Return InfoNCE in both directions: two pictures of one subject against pictures of others."""
    logits = first @ second.T / temperature
    target = torch.arange(len(logits), device=logits.device)
    return (F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target)) / 2
