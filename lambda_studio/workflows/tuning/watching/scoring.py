"""Score the decoder during a fine-tuning: draw each subject, and compare with the images that were held back."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from lambda_studio.config import FinetuneConfig, GenerateConfig
from lambda_studio.evaluation.judges import judges_of
from lambda_studio.evaluation.measures import Judges, View
from lambda_studio.evaluation.similarity import likeness
from lambda_studio.generation.generator import draw_embeds
from lambda_studio.models.decoders.protocol import Decoder
from lambda_studio.models.stacks.stack import Stack
from lambda_studio.progress import unheard
from lambda_studio.training.hooks import ModelReport
from lambda_studio.training.scores import COMPOSITION, LIKENESS, Rules, Scoreboard, Scored
from lambda_studio.workflows.evaluating.asking import PROMPTS, Asked, alone, predicted
from lambda_studio.workflows.evaluating.holdout import Holdout
from lambda_studio.workflows.evaluating.views import views_of
from lambda_studio.workflows.workplace import Workplace

STEPS = 10
"""Denoising steps of the scored pictures: half of a preview's, so that scores take little time."""
FIRST_SEED = 1000
"""The seeds of the scored pictures, from this one on, differ from the previews' and are the same at each preview."""


@dataclass(frozen=True)
class ScoreRequests:
    """The scored pictures with the prior's embeddings for them, and the references by metric and concept."""

    asked: tuple[Asked, ...]
    image_embeds: Float[Tensor, "picture dim"]
    zero_image_embeds: Float[Tensor, " dim"]
    references: Mapping[str, Mapping[str, Float[Tensor, "_ dim"]]]
    judges: Judges


def score_requests(place: Workplace, holdout: Holdout) -> ScoreRequests:
    """Embed the held-back images, and predict what is drawn of their concepts from the images that are trained on.

    Afterwards CLIP's text tower and the prior are in memory. Raises ModelFilesInvalid, and the errors of model loading.
    """
    concepts = [each for each in holdout.training if each.name in holdout.held]
    judges = judges_of(place.stack, {concept.noun for concept in concepts})
    for note in judges.notes:
        place.notify(note)
    views = {each.name: views_of(place, each, holdout.held[each.name]) for each in concepts}
    references = {each.name: {name: each.embed(of_one) for name, of_one in views.items()} for each in judges.likenesses}
    asked = alone(place, concepts, len(PROMPTS), FIRST_SEED)
    place.stack.free("clip")  # the vision tower; what is drawn needs the text tower only
    embeds = predicted(place, asked)
    return ScoreRequests(tuple(asked), embeds, place.embedder.zero(), references, judges)


class Scoring:
    """Draws and scores at each preview, and adds the scores to a board."""

    def __init__(
        self,
        stack: Stack,
        decoder: Decoder,
        requests: ScoreRequests,
        board: Scoreboard,
        drawn: GenerateConfig,
        notify: Callable[[str], None] = unheard,
    ):
        """Take the decoder that is trained, with an autoencoder."""
        self.stack, self.decoder, self.requests, self.board = stack, decoder, requests, board
        self.drawn, self.notify = drawn, notify
        self.too_large = False
        """Whether the GPU's memory was too small for the scores."""

    def score(self, report: ModelReport) -> None:
        """Draw with the model as it is after a step, and add its scores."""
        if self.too_large:
            return
        try:
            with report.evaluating():
                images = self._draw()
            self.board.add(Scored(report.step, self.scores(images)))
        except torch.OutOfMemoryError:
            self.too_large = True
            self.notify("There is too little GPU memory for scores beside the training: none are made from now on.")
        self.stack.set_aside("clip")

    def scores(self, images: Sequence[Image.Image]) -> dict[str, dict[str, float]]:
        """Return the scores of each concept's pictures."""
        asked, judges = self.requests.asked, self.requests.judges
        rows = {name: [at for at, each in enumerate(asked) if each.names == (name,)] for name in self._names}
        found: dict[str, dict[str, float]] = {name: {} for name in rows}
        views = [View(image, each.concepts[0].noun) for image, each in zip(images, asked, strict=True)]
        for number, judge in enumerate(judges.likenesses):
            embeds, references = judge.embed(views), self.requests.references[judge.name]
            for name, at in rows.items():
                found[name][judge.name if number else LIKENESS] = likeness(embeds[at], references[name])
        composed = judges.composition.score(images, [each.prompt.text for each in asked]).tolist()
        for name, at in rows.items():
            found[name][COMPOSITION] = fmean(composed[row] for row in at)
        return found

    @property
    def _names(self) -> list[str]:
        return list(dict.fromkeys(each.names[0] for each in self.requests.asked))

    def _draw(self) -> list[Image.Image]:
        requests, seeds = self.requests, [each.seed for each in self.requests.asked]
        zero = requests.zero_image_embeds
        pictures = draw_embeds(self.decoder, requests.image_embeds, zero, seeds, self.drawn)
        return [picture.to_image() for picture in pictures]


def new_board(requests: ScoreRequests, config: FinetuneConfig, every: int, path: Path) -> Scoreboard:
    """Return a run's empty board of scores, whose rules are those of its settings."""
    rules = Rules(keep_best=config.keep == "best", patience=config.patience, ease_off=config.ease_off)
    names = {LIKENESS: requests.judges.likeness.name, COMPOSITION: requests.judges.composition.name}
    return Scoreboard(rules, names, every, path)
