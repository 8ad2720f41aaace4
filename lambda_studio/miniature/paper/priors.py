"""Train small priors that differ in one thing, for the claims about the prior's own training."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from lambda_studio.generation.conditioning import condition
from lambda_studio.miniature.paper.concatenation import ROOM, concatenate
from lambda_studio.miniature.recipe.config import RecipeConfig
from lambda_studio.miniature.recipe.embedded import Embedded
from lambda_studio.miniature.recipe.networks import CONTEXT_LENGTH, DIM
from lambda_studio.miniature.recipe.recipe import Recipe
from lambda_studio.miniature.recipe.stage import StageConfig, StageObjective, train_stage
from lambda_studio.miniature.recipe.stages import Joining, prior_stage
from lambda_studio.models.prior import PriorTransformer
from lambda_studio.models.stacks.specification import BUILT_IN, WEIGHTS
from lambda_studio.progress import Progress, silent
from lambda_studio.training.objectives.losses import EQ_1, PriorLossConfig

PICTURES = 6_000
"""The scenes of a seed. The recipe's own prior learns from many more (`RecipeConfig.prior_pictures`)."""
STEPS, BATCH = 600, 64


@dataclass(frozen=True, kw_only=True)
class Trial:
    """What a prior is trained with. The defaults are the recipe's, but without edges."""

    contrastive_weight: float = EQ_1.contrastive_weight
    """λ of Eq. 1."""
    pictures: int | None = None
    """The first pictures of the seed; None is all of them."""
    layers: int = 6
    heads: int = 8
    """Attention heads of 32 numbers each."""
    edges: float = 0.0
    """The share of prompts that are trained with the edges of their picture."""
    concatenated: bool = False
    """Whether the image embeddings follow the text states, in place of those of their nouns."""

    @property
    def joining(self) -> Joining:
        """How the embeddings of subjects join the text."""
        return concatenate if self.concatenated else condition


class Priors:
    """Priors of one seed, trained on the same pictures in a folder."""

    def __init__(self, folder: Path, seed: int, progress: Progress = silent):
        self.folder, self.seed, self.progress = folder, seed, progress
        config = replace(
            RecipeConfig.continuing(WEIGHTS, BUILT_IN["miniature"].edges), seed=seed, prior_pictures=PICTURES
        )
        self._recipe = Recipe(folder / "pictures", config, progress)

    def trained(self, name: str, trial: Trial) -> Path:
        """Train a prior, and return its folder in diffusers' layout."""
        torch.manual_seed(self.seed)
        prior = build_prior(trial)
        config = StageConfig(steps=STEPS, batch_size=BATCH, learning_rate=6e-4, warmup_steps=60)
        loss_of = prior_stage(
            prior, self._recipe.train_clip(), self._data.first(trial.pictures), self.seed, BATCH,
            control_dropped=1 - trial.edges, config=PriorLossConfig(contrastive_weight=trial.contrastive_weight),
            joining=trial.joining,
        )  # fmt: skip
        train_stage(StageObjective(name, prior, loss_of, config), self.folder / "runs", self.progress)
        prior.save_pretrained(self.folder / name)
        return self.folder / name

    @cached_property
    def _data(self) -> Embedded:
        return self._recipe.embedded()


def build_prior(trial: Trial) -> PriorTransformer:
    """Return an untrained prior of a trial's size."""
    return PriorTransformer(
        num_attention_heads=trial.heads, attention_head_dim=32, num_layers=trial.layers, embedding_dim=DIM,
        num_embeddings=CONTEXT_LENGTH + (ROOM if trial.concatenated else 0),
    )  # fmt: skip


@contextmanager
def priors_of(seed: int, progress: Progress) -> Iterator[Priors]:
    """Lend the priors of a seed, in a temporary folder."""
    with TemporaryDirectory() as folder:
        yield Priors(Path(folder), seed, progress)
