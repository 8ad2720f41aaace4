"""Score the decoder during a fine-tuning: draw each subject, and compare with the images that were held back."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from concepts.records import ConceptRecord, ImageRecord
from lambda_studio.config import FinetuneConfig, GenerateConfig
from lambda_studio.evaluation.judges import judges_of
from lambda_studio.evaluation.measures import Judges, View
from lambda_studio.evaluation.similarity import likeness
from lambda_studio.generation.generator import condition_prompts, draw_embeds, predict_image_embeds
from lambda_studio.generation.prompt import BoundPrompt, bind, parse
from lambda_studio.models.decoders.protocol import Decoder
from lambda_studio.models.stack import Stack
from lambda_studio.pictures.files.png import decode_png
from lambda_studio.progress import unheard
from lambda_studio.training.hooks import ModelReport
from lambda_studio.training.scores import COMPOSITION, LIKENESS, Rules, Scoreboard, Scored
from lambda_studio.workflows.tuning.holdout import Holdout
from lambda_studio.workflows.workplace import Workplace

PROMPTS = ("a <{}> on the beach", "a <{}> in the snow")
"""What is drawn of each subject. Each prompt names a place, which a decoder that has learnt too much forgets."""
STEPS = 10
"""Denoising steps of the scored pictures: half of a preview's, so that scores take little time."""
FIRST_SEED = 1000
"""The seeds of the scored pictures, from this one on, differ from the previews' and are the same at each preview."""


@dataclass(frozen=True)
class Asked:
    """A picture that is drawn at each preview."""

    name: str
    """The concept."""
    noun: str
    prompt: BoundPrompt


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

    Afterwards neither CLIP nor the prior is in memory. Raises ModelFilesInvalid, and the errors of model loading.
    """
    concepts = [each for each in holdout.training if each.name in holdout.held]
    judges = judges_of(place.stack, {concept.noun for concept in concepts})
    for note in judges.notes:
        place.notify(note)
    views = {each.name: views_of(place, each, holdout.held[each.name]) for each in concepts}
    references = {each.name: {name: each.embed(of_one) for name, of_one in views.items()} for each in judges.likenesses}
    asked = [Asked(each.name, each.noun, _bound(place.stack, each, prompt)) for each in concepts for prompt in PROMPTS]
    embeds = _predicted(place, concepts, asked)
    place.stack.free("clip")
    place.stack.free("prior")
    return ScoreRequests(tuple(asked), embeds, place.embedder.zero(), references, judges)


def views_of(place: Workplace, concept: ConceptRecord, images: Sequence[ImageRecord]) -> list[View]:
    """Return these images of a concept, as metrics read them."""
    with place.database.reading() as registry:
        stored = [(registry.blob(image.sha), image.mask_sha and registry.blob(image.mask_sha)) for image in images]
    return [
        View(decode_png(data), concept.noun, decode_png(mask).convert("L") if mask else None) for data, mask in stored
    ]


def _bound(stack: Stack, concept: ConceptRecord, prompt: str) -> BoundPrompt:
    return bind(parse(prompt.format(concept.name)), {concept.name: concept.noun}, stack.tokenizer)


def _predicted(place: Workplace, concepts: Sequence[ConceptRecord], asked: Sequence[Asked]) -> Tensor:
    blended = {concept.name: place.embedder.blended(concept) for concept in concepts}
    subjects = [{each.name: blended[each.name]} for each in asked]
    prompts = [each.prompt for each in asked]
    inputs = condition_prompts(place.stack.clip(("text",)), prompts, subjects, place.embedder.zero())
    return predict_image_embeds(place.stack.prior(), inputs, _seeds(asked)).cpu()


def _seeds(asked: Sequence[Asked]) -> range:
    return range(FIRST_SEED, FIRST_SEED + len(asked))


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
        rows = {name: [at for at, each in enumerate(asked) if each.name == name] for name in self._names}
        found: dict[str, dict[str, float]] = {name: {} for name in rows}
        views = [View(image, each.noun) for image, each in zip(images, asked, strict=True)]
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
        return list(dict.fromkeys(each.name for each in self.requests.asked))

    def _draw(self) -> list[Image.Image]:
        requests, seeds = self.requests, _seeds(self.requests.asked)
        zero = requests.zero_image_embeds
        pictures = draw_embeds(self.decoder, requests.image_embeds, zero, seeds, self.drawn)
        return [picture.to_image() for picture in pictures]


def new_board(requests: ScoreRequests, config: FinetuneConfig, every: int, path: Path) -> Scoreboard:
    """Return a run's empty board of scores, whose rules are those of its settings."""
    rules = Rules(keep_best=config.keep == "best", patience=config.patience, ease_off=config.ease_off)
    names = {LIKENESS: requests.judges.likeness.name, COMPOSITION: requests.judges.composition.name}
    return Scoreboard(rules, names, every, path)
