"""Train small priors that differ in one thing, for the claims about the prior's own training."""

from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path

import torch

from concepts.durable import make_folder, remove, staged_folder
from lambda_studio.generation.conditioning import condition
from lambda_studio.miniature.paper.claim import Job
from lambda_studio.miniature.paper.concatenation import ROOM, concatenate
from lambda_studio.miniature.recipe.config import RecipeConfig
from lambda_studio.miniature.recipe.embedded import Embedded
from lambda_studio.miniature.recipe.networks import CONTEXT_LENGTH, DIM
from lambda_studio.miniature.recipe.recipe import Recipe
from lambda_studio.miniature.recipe.stage import StageConfig, StageObjective, train_stage
from lambda_studio.miniature.recipe.stages.prior import Joining, PriorBatches, prior_stage
from lambda_studio.models.files.locating import fingerprint
from lambda_studio.models.prior import PriorTransformer
from lambda_studio.models.stacks.specification import BUILT_IN, WEIGHTS
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
    def name(self) -> str:
        """`prior`, with what is not at its default."""
        own, usual = asdict(self), asdict(Trial())
        return "-".join(["prior", *(f"{key}={value}" for key, value in own.items() if value != usual[key])])

    @property
    def joining(self) -> Joining:
        """How the embeddings of subjects join the text."""
        return concatenate if self.concatenated else condition


class Priors:
    """Priors of one job's seed, trained on the same pictures and kept in its folder.

    A prior that is there already is not trained again, whichever claim asks for it, and a stopped training goes on.
    """

    def __init__(self, job: Job):
        self.seed, self.progress = job.seed, job.progress
        self.folder = job.folder / f"{_settings()[:12]}-seed-{job.seed}"
        edges = BUILT_IN["miniature"].edges
        config = replace(RecipeConfig.continuing(WEIGHTS, edges), seed=job.seed, prior_pictures=PICTURES)
        make_folder(self.folder)
        self._recipe = Recipe(self.folder / "pictures", config, job.progress)

    def trained(self, trial: Trial) -> Path:
        """Return the folder of a prior in diffusers' layout. It is trained if it is not there."""
        folder, runs = self.folder / trial.name, self.folder / "runs"
        if not folder.is_dir():
            prior = self._train(trial, runs)
            with staged_folder(folder) as staged:
                prior.save_pretrained(staged)
        remove(runs / trial.name)
        return folder

    def _train(self, trial: Trial, runs: Path) -> PriorTransformer:
        torch.manual_seed(self.seed)
        prior = build_prior(trial)
        config = StageConfig(steps=STEPS, batch_size=BATCH, learning_rate=6e-4, warmup_steps=60)
        batches = PriorBatches(
            self._recipe.train_clip(), self._data.first(trial.pictures), self.seed, BATCH,
            control_dropped=1 - trial.edges, joining=trial.joining,
        )  # fmt: skip
        loss_of = prior_stage(prior, batches, PriorLossConfig(contrastive_weight=trial.contrastive_weight))
        train_stage(StageObjective(trial.name, prior, loss_of, config), runs, self.progress)
        return prior

    @cached_property
    def _data(self) -> Embedded:
        return self._recipe.embedded()


def _settings() -> str:
    """Return a fingerprint of everything that priors depend on, beside the seed and the trial's name."""
    said = {"pictures": PICTURES, "steps": STEPS, "batch": BATCH, "trial": asdict(Trial())}
    return fingerprint(said, sorted(WEIGHTS.rglob("*.safetensors")))


def build_prior(trial: Trial) -> PriorTransformer:
    """Return an untrained prior of a trial's size."""
    return PriorTransformer(
        num_attention_heads=trial.heads, attention_head_dim=32, num_layers=trial.layers, embedding_dim=DIM,
        num_embeddings=CONTEXT_LENGTH + (ROOM if trial.concatenated else 0),
    )  # fmt: skip
