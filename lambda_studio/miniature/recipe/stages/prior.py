"""The training of the prior: Eq. 1 on prompts of the drawn world."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from lambda_studio.generation.conditioning import Conditioning, condition
from lambda_studio.generation.prompt import BoundPrompt, bind
from lambda_studio.generation.template import parse
from lambda_studio.miniature.recipe.corpus import random_rows
from lambda_studio.miniature.recipe.embedded import Embedded
from lambda_studio.miniature.recipe.networks import CONTEXT_LENGTH
from lambda_studio.miniature.recipe.stage import LossOf
from lambda_studio.miniature.recipe.stages.ahead import Ahead
from lambda_studio.miniature.world.captions import Caption, captions
from lambda_studio.miniature.world.identities import SLOTS
from lambda_studio.miniature.world.scenes import Scene
from lambda_studio.miniature.world.seeding import seeded
from lambda_studio.models.clip.clip import Clip, ClipTokenizer, TextFeatures, build_tokenizer
from lambda_studio.models.clip.files import TokenizerFiles
from lambda_studio.models.prior import PriorTransformer
from lambda_studio.training.objectives.losses import EQ_1, PriorLossConfig
from lambda_studio.training.objectives.objectives import PriorBatch, PriorObjective
from lambda_studio.training.randomness import MicroStep

Joining = Callable[[TextFeatures, Sequence[BoundPrompt], Sequence[Mapping[str, Tensor]], Tensor], Conditioning]
"""Joins texts, the embeddings of their subjects and controls to the prior's inputs, as `condition` does."""


def _subjects(data: Embedded, row: int, names: Sequence[str]) -> dict[str, Tensor]:
    """Return the embeddings of a caption's names."""
    chosen = {}
    for name in names:
        embeds, rows = (data.cutouts, data.cutout_rows) if name[0] == "s" else (data.worn_cutouts, data.worn_rows)
        chosen[name] = embeds[rows[row, int(name[1])]].float()
    return chosen


def _fitting(scene: Scene, tokenizer: ClipTokenizer, generator: torch.Generator, attributes: float) -> list[Caption]:
    """Return captions that fit the text tower. A caption that is too long has no looks and no place."""
    long = captions(scene, generator, attributes)
    short = captions(scene, generator, attributes=0.0, places=0.0)
    room = CONTEXT_LENGTH - 2
    return [a if len(tokenizer.encode(a.text)) <= room else b for a, b in zip(long, short, strict=True)]


def _words_for(caption: Caption, shown: Sequence[str]) -> Caption:
    """Return the caption with the names that are not shown replaced by their nouns."""
    template = caption.template
    for name, noun in caption.nouns.items():
        if name not in shown:
            template = template.replace(f"<{name}>", noun)
    return Caption(template=template, nouns={n: caption.nouns[n] for n in shown})


@dataclass(frozen=True)
class _Prompts:
    """The prompts of one step of the prior: the row of each scene, and whether its edges are dropped."""

    rows: list[int]
    prompts: list[BoundPrompt]
    dropped: list[bool]


@dataclass(frozen=True)
class _Prompting:
    """A function that returns a step's prompts: captions of random scenes. A name that is not shown stays a word."""

    scene: Scene
    files: TokenizerFiles
    seed: int
    batch_size: int
    control_dropped: float
    text_only: float

    @cached_property
    def tokenizer(self) -> ClipTokenizer:
        return build_tokenizer(self.files)

    def __call__(self, step: int) -> _Prompts:
        generator = seeded(self.seed, "prior", step)
        rows = random_rows(self.scene, generator, self.batch_size)
        words = _fitting(self.scene[rows], self.tokenizer, generator, attributes=0.12)
        rolls = torch.rand(self.batch_size, 2 * SLOTS + 2, generator=generator)
        shown = rolls[:, : 2 * SLOTS] < torch.tensor([1.0, 0.9, 0.9, 0.35, 0.35, 0.35])
        shown &= rolls[:, -2, None] > self.text_only
        places = {name: at for at, name in enumerate(("s0", "s1", "s2", "w0", "w1", "w2"))}
        names = [[n for n in c.nouns if s[places[n]]] for c, s in zip(words, shown.tolist(), strict=True)]
        said = [_words_for(c, n) for c, n in zip(words, names, strict=True)]
        prompts = [bind(parse(each.template), each.nouns, self.tokenizer) for each in said]
        return _Prompts(rows.tolist(), prompts, (rolls[:, -1] < self.control_dropped).tolist())


class PriorBatches:
    """The batches of the prior's training, each from its number: prompts (3.2), and the pictures they describe.

    A subject's picture is a new drawing of the same identity, not a cut-out of the target picture.
    """

    def __init__(
        self,
        clip: Clip,
        data: Embedded,
        seed: int,
        batch_size: int,
        control_dropped: float = 0.5,
        text_only: float = 0.15,
        joining: Joining = condition,
        workers: int = 0,
    ):
        self.clip, self.data, self.seed, self.joining = clip, data, seed, joining
        files = clip.files.tokenizer
        self._written = Ahead(_Prompting(data.scene, files, seed, batch_size, control_dropped, text_only), workers)

    def __call__(self, number: int) -> PriorBatch:
        """Return the batch, on CLIP's device."""
        return self.with_rows(number)[1]

    def with_rows(self, number: int) -> tuple[list[int], PriorBatch]:
        """Return the row of each prompt's scene, and the batch."""
        said, data, device = self._written(number), self.data, self.clip.device
        subjects = [
            _subjects(data, row, [span.subject for span in prompt.spans])
            for row, prompt in zip(said.rows, said.prompts, strict=True)
        ]
        text = self.clip.encode_text(torch.tensor([prompt.token_ids for prompt in said.prompts]))
        control = torch.where(torch.tensor(said.dropped)[:, None], data.zero, data.edges[said.rows].float())
        inputs = self.joining(text, said.prompts, subjects, control)
        noise = torch.randn(len(said.rows), len(data.zero), generator=seeded(self.seed, "prior noise", number))
        return said.rows, PriorBatch(inputs, noise.to(device), data.images[said.rows].float().to(device))


def prior_stage(prior: PriorTransformer, batches: PriorBatches, config: PriorLossConfig = EQ_1) -> LossOf:
    """Return λ-ECLIPSE's Eq. 1 on the miniature's batches."""
    about = {"batches": f"the miniature's, seed {batches.seed}"}
    objective = PriorObjective(prior, lambda at: batches(at.number), about, config)
    return lambda step: objective.losses(prior, MicroStep(step))
