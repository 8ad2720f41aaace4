"""Pictures of two concepts beside each other, to learn each in the company of another."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from concepts.database import Database
from concepts.records import ConceptRecord, ImageRecord, sha256
from lambda_studio.bundles.contents import canonical
from lambda_studio.config import Size
from lambda_studio.errors import PromptInvalid
from lambda_studio.generation.prompt import BoundPrompt, bind
from lambda_studio.generation.template import escaped, parse
from lambda_studio.pictures.beside import CutOut, beside, cut
from lambda_studio.pictures.files.png import decode_png
from lambda_studio.progress import unheard
from lambda_studio.training.examples import Example, encode_latents
from lambda_studio.training.facing import Pictures
from lambda_studio.training.randomness import seed_for
from lambda_studio.workflows.tuning.other_scenes import PLACES
from lambda_studio.workflows.tuning.predictions import Predictor

PARTNERS = 2
"""The most other concepts that each is composed with, as the subject on the left."""
PICTURES, EACH = 5, 4
"""The most pictures of two concepts, and the prior's predictions that each is learnt from."""
TEMPLATES = ("a <{0}> beside a <{1}>", "a <{0}> and a <{1}>")

Pair = tuple[ConceptRecord, ConceptRecord]
Shown = list[tuple[ImageRecord, CutOut]]


class Company:
    """Composes pictures of pairs of concepts from the subjects' cut-outs, and predicts them by the prior.

    The prior's embedding for a prompt with two names is unlike those of both concepts' pictures. A composed picture has
    no background of its own, so that only the two subjects are learnt. `predictor` caches the results for the run.

    Args:
        to_mirror: The pictures whose subject is mirrored.
    """

    def __init__(self, database: Database, predictor: Predictor, to_mirror: Pictures = frozenset()):
        self.database, self.predictor, self.stack = database, predictor, predictor.stack
        self.to_mirror = to_mirror

    def examples(self, concepts: Sequence[ConceptRecord], resolution: int) -> list[Example]:
        """Return examples of `resolution` pixels of each pair. A concept without masks has none.

        Afterwards the image encoder, the text tower and the prior may be in memory.
        """
        if len(concepts) < 2:
            return []
        cutouts = {concept.name: self._cut_outs(concept, resolution) for concept in concepts}
        found = sorted((each for each in concepts if cutouts[each.name]), key=lambda concept: concept.name)
        examples: list[Example] = []
        for pair in pairs(found):
            try:
                examples += self._of(pair, (cutouts[pair[0].name], cutouts[pair[1].name]), resolution)
            except PromptInvalid as error:
                names = " and ".join(concept.name for concept in pair)
                self.predictor.notify(f"{names} are not learnt beside each other: {error.cause}")
        return examples

    def _of(self, pair: Pair, cutouts: tuple[Shown, Shown], side: int) -> list[Example]:
        """Return the examples of two concepts, as those of the first: as many pictures as it has cut-outs.

        Raises PromptInvalid if CLIP cannot read both nouns.
        """
        count = len(cutouts[0])
        prompts = self._prompts(pair, count)
        shown = [[each[(turn + place) % len(each)] for place, each in enumerate(cutouts)] for turn in range(count)]
        composed = [beside([cutout for _, cutout in each], side, self._dice(turn)) for turn, each in enumerate(shown)]
        images = [[image for image, _ in each] for each in shown]
        latents = self._latents(pair, [picture for picture, _ in composed], images, side)
        embeds = self.predictor.together(pair, prompts)
        masks = [_share(mask, *latents.shape[-2:]) for _, mask in composed]
        names = [f"{turn}: {first.sha} {other.sha} {pair[1].name}" for turn, (first, other) in enumerate(images)]
        return [
            Example(
                pair[0].name, names[number % count], latents[number % count], embeds[number], 1 + number // count,
                mask=masks[number % count], only_subject=True,
            )
            for number in range(len(embeds))
        ]  # fmt: skip

    def _is_mirrored(self, concept: ConceptRecord, image: ImageRecord) -> bool:
        return (concept.name, image.sha) in self.to_mirror

    def _dice(self, turn: int) -> list[float]:
        return np.random.default_rng(seed_for(self.predictor.seed, "company", turn)).random(4).tolist()

    def _prompts(self, pair: Pair, count: int) -> list[BoundPrompt]:
        """Return a prompt for each prediction: half of them name a place. Words after CLIP's limit are cut."""
        names, nouns = [escaped(concept.name) for concept in pair], {concept.name: concept.noun for concept in pair}
        asked = []
        for again in range(EACH):
            for turn in range(count):
                place = f" {PLACES[(again // 2 * count + turn) % len(PLACES)]}" if again % 2 else ""
                asked.append(TEMPLATES[(again // 2 + turn) % len(TEMPLATES)].format(*names) + place)
        return [bind(parse(prompt), nouns, self.stack.tokenizer, unheard) for prompt in asked]

    def _latents(
        self, pair: Pair, pictures: Sequence[Image.Image], images: Sequence[Sequence[ImageRecord]], side: int
    ) -> Tensor:
        said = {
            "autoencoder": self.stack.fingerprints()["autoencoder"],
            "images": [[[image.sha, image.mask_sha] for image in each] for each in images],
            "side": side,
            "seed": self.predictor.seed,
        }
        mirrored = [[self._is_mirrored(*both) for both in zip(pair, each, strict=True)] for each in images]
        if any(map(any, mirrored)):  # the keys of earlier versions stay
            said["mirrored"] = mirrored

        def encoded() -> Tensor:
            return encode_latents(self.stack.decoder(("autoencoder",)), pictures, Size.square(side))

        return self.predictor.kept(sha256(canonical(said)), encoded)

    def _cut_outs(self, concept: ConceptRecord, most: int) -> Shown:
        """Return some of a concept's images that have a mask, with the subject cut out of each."""
        found: Shown = []
        for image in concept.images:
            if image.mask_sha is not None and len(found) < PICTURES:
                with self.database.reading() as registry:
                    picture, mask = (decode_png(registry.blob(sha)) for sha in (image.sha, image.mask_sha))
                cutout = cut(picture.convert("RGB"), mask.convert("L"), most)
                if cutout:
                    found.append((image, cutout.mirrored() if self._is_mirrored(concept, image) else cutout))
        return found


def pairs(concepts: Sequence[Any]) -> list[tuple[Any, Any]]:
    """Return each concept with the next `PARTNERS` ones, the first of them after the last."""
    count = len(concepts)
    return [
        (first, concepts[(number + step) % count])
        for number, first in enumerate(concepts)
        for step in range(1, min(PARTNERS, count - 1) + 1)
    ]


def _share(mask: Image.Image, height: int, width: int) -> Tensor:
    """Return how much of each latent is a subject, in 0..1."""
    grey = np.asarray(mask.resize((width, height), Image.Resampling.BOX), dtype=np.float32)
    return torch.from_numpy(grey / 255)
