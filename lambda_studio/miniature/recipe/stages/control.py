"""The prior learns to follow edges, from regressions of its errors on the embeddings of edges.

Eq. 1 does not teach it in any reasonable time: a subject's position has a thousandth of an embedding's variance, and
most of the error is content that no prompt names (docs/decisions/0081).
"""

import copy
from dataclasses import dataclass, replace

import torch
from einops import einsum
from jaxtyping import Float, Int
from torch import Tensor

from lambda_studio.generation.conditioning import Conditioning
from lambda_studio.miniature.recipe.embedded import Embedded
from lambda_studio.miniature.recipe.stage import LossOf
from lambda_studio.miniature.recipe.stages.prior import PriorBatches
from lambda_studio.miniature.recipe.stages.whitening import Whitening
from lambda_studio.miniature.world.scenes import RELATIONS
from lambda_studio.models.prior import PriorTransformer
from lambda_studio.training.objectives.objectives import PriorBatch

FITTED = 256
"""The batches that the regressions are fitted to. They come before the training's own, from number 0."""
ENOUGH = 2**15
"""The pictures that each whitening is fitted to."""
RANK = 16
"""The directions of an embedding in which the regressions predict the error."""
OTHERS = 0.1
"""The weight of changes in other directions."""
FLOOR = 0.01
"""The floor of both whitenings, of the pictures' and of the edges' embeddings: a position is in weak directions."""
PENALTY = 300.0
"""The ridge's penalty, for standardised embeddings."""


@dataclass(frozen=True)
class Missing:
    """The error of a prior's predictions: a linear function of the edges' embedding for each kind of picture.

    It is given in a few directions of the embedding, those of `directions`.
    """

    mean: Float[Tensor, " dim"]
    matrices: Float[Tensor, "kind dim rank"]
    directions: Float[Tensor, "kind dim rank"]

    @classmethod
    def of(
        cls,
        edges: Float[Tensor, "picture dim"],
        errors: Float[Tensor, "picture dim"],
        kinds: Int[Tensor, " picture"],
        count: int,
        rank: int = RANK,
    ) -> "Missing":
        """Return the ridge regressions of errors on the embeddings of edges. `kinds` are below `count`.

        Of their predictions, the `rank` directions of the largest variance are kept: the others are mostly chance.
        """
        mean, scale = edges.mean(0), edges.std(0).clamp_min(1e-6)
        known, matrices, kept = (edges - mean) / scale, [], []
        for kind in range(count):
            x, y = known[kinds == kind].double(), errors[kinds == kind].double()
            square = x.T @ x + PENALTY * torch.eye(x.shape[1], dtype=x.dtype, device=x.device)
            solved = torch.linalg.solve(square, x.T @ (y - y.sum(0) / max(1, len(y))))
            _, directions = torch.linalg.eigh((x @ solved).T @ (x @ solved))
            kept.append(directions[:, -rank:])
            matrices.append(solved @ kept[-1] / scale[:, None])
        return cls(mean, torch.stack(matrices).float(), torch.stack(kept).float())

    def __call__(
        self, edges: Float[Tensor, "picture dim"], kinds: Int[Tensor, " picture"]
    ) -> Float[Tensor, "picture rank"]:
        """Return the error, in the directions of each picture's kind."""
        return einsum(edges - self.mean, self.matrices[kinds], "p i, p i r -> p r")

    def along(
        self, embeds: Float[Tensor, "picture dim"], kinds: Int[Tensor, " picture"]
    ) -> Float[Tensor, "picture rank"]:
        """Return embeddings in the directions of each picture's kind."""
        return einsum(embeds, self.directions[kinds], "p i, p i r -> p r")


def control_stage(prior: PriorTransformer, batches: PriorBatches, fitted: int = FITTED) -> LossOf:
    """Return the distance of the prior's change by the edges from the change that the regressions predict.

    The change is that of whitened embeddings. Half of the prompts have no edges: their predictions are to stay.
    There is a regression for each relation of a scene's subjects, because one for all finds less
    (docs/decisions/0081).
    """
    former = copy.deepcopy(prior).eval().requires_grad_(False)
    data, device = batches.data, batches.clip.device
    zero, relation = data.zero.to(device), data.scene.relation.to(device)
    matters = Whitening.of(data.images[:ENOUGH], FLOOR).to(device).matrix

    @torch.no_grad()
    def without(batch: PriorBatch) -> Tensor:
        control = zero.expand_as(batch.inputs.control_embeds)
        return predicted(former, batch.noise, replace(batch.inputs, control_embeds=control))

    def fit() -> Missing:
        rows, errors = [], []
        for number in range(fitted):
            chosen, batch = batches.with_rows(number)
            rows += chosen
            errors.append((batch.image_embeds - without(batch)) @ matters)
        return Missing.of(data.edges[rows].float().to(device), torch.cat(errors), relation[rows], len(RELATIONS))

    missing, whiten = fit(), control_whitening(data).to(device)
    whiten.unfold_from(prior.embedding_control)

    def loss_of(step: int) -> dict[str, Tensor]:
        rows, batch = batches.with_rows(fitted + step)
        control, kinds = batch.inputs.control_embeds, relation[rows]
        shown = (control != zero).any(1)[:, None]
        inputs = replace(batch.inputs, control_embeds=whiten(control))
        change = (predicted(prior, batch.noise, inputs) - without(batch)) @ matters
        wanted = missing(control, kinds) * shown
        moved = missing.along(change, kinds)
        energy = wanted.pow(2).sum().clamp_min(1)
        unlearnt = (moved - wanted).pow(2).sum() / energy
        others = (change.pow(2).sum() - moved.pow(2).sum()) / energy
        return {"loss": unlearnt + OTHERS * others, "unlearnt": unlearnt, "others": others}

    return loss_of


def control_whitening(data: Embedded) -> Whitening:
    """Return the whitening of the edges' embeddings that the prior reads while it learns them."""
    return Whitening.of(data.edges[:ENOUGH], FLOOR)


def predicted(
    prior: PriorTransformer, noise: Float[Tensor, "batch dim"], inputs: Conditioning
) -> Float[Tensor, "batch dim"]:
    """Return the prior's predictions of image embeddings, in float32."""
    return prior(
        noise, inputs.text_encoder_hidden_states, inputs.prompt_embeds, inputs.control_embeds, inputs.text_mask
    ).float()
