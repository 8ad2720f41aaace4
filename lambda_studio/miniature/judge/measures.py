"""The miniature's own metrics: the oracle's identity embeddings and its answers."""

import re
from collections.abc import Collection, Sequence
from functools import cached_property

import numpy as np
import torch
from einops import rearrange
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from lambda_studio.evaluation.by_clip import ClipLikeness
from lambda_studio.evaluation.measures import Judges, View
from lambda_studio.miniature.judge.oracle import Reading, identity_of
from lambda_studio.miniature.judge.reader import Reader, load_reader
from lambda_studio.miniature.world.captions import PLACE_PHRASES
from lambda_studio.miniature.world.figures import FIGURES, WORN
from lambda_studio.miniature.world.identities import NOUNS
from lambda_studio.miniature.world.places import PLACES
from lambda_studio.miniature.world.rendering import SEEN
from lambda_studio.models.stacks.stack import Stack


def find_judges(stack: Stack, nouns: Collection[str]) -> Judges | None:
    """Return the oracle's metrics, or None if one of the nouns is not in its world."""
    if not set(nouns) <= set(NOUNS):
        return None
    oracle = PictureReader()
    return Judges((OracleLikeness(oracle),), OracleComposition(oracle), ClipLikeness(stack))


class PictureReader:
    """The packaged oracle, loaded on first use."""

    @cached_property
    def _reader(self) -> Reader:
        return load_reader()

    @torch.no_grad()
    def read(self, images: Sequence[Image.Image]) -> Reading:
        """Read pictures of any size."""
        return self._reader.oracle(torch.stack([_pixels(image) for image in images]))


class OracleLikeness:
    """The cosine similarity of the oracle's identity embeddings of a subject with a known noun."""

    name = "identity"

    def __init__(self, oracle: PictureReader):
        self.oracle = oracle

    def embed(self, views: Sequence[View]) -> Float[Tensor, "view dim"]:
        """Return the identity embedding of the subject of each view's noun."""
        nouns = torch.tensor([NOUNS.index(view.noun) for view in views])
        return identity_of(self.oracle.read([view.image for view in views]), nouns)


class OracleComposition:
    """The mean probability that the oracle gives to the nouns, the place and the worn thing of a prompt."""

    name = "oracle"

    def __init__(self, oracle: PictureReader):
        self.oracle = oracle

    def score(self, images: Sequence[Image.Image], texts: Sequence[str]) -> Float[Tensor, " image"]:
        """Return the mean over what each prompt asks for; 1 for a prompt that asks for nothing of the world."""
        reading = self.oracle.read(images)
        return torch.tensor([_mean(list(_answers(reading, row, text))) for row, text in enumerate(texts)])


def _answers(reading: Reading, row: int, text: str) -> "list[float]":
    """Return the probability of each thing that a prompt asks for."""
    figures = [noun for noun in FIGURES if _says(text, noun)]
    found = [float(reading.nouns["present"][row, NOUNS.index(noun), 0].sigmoid()) for noun in figures]
    place = _place(text)
    if place is not None:
        found.append(float(reading.place[row].softmax(-1)[list(PLACES).index(place)]))
    worn = next((kind for kind in WORN if re.search(rf"\b(wearing|holding)\b[^,]*\b{kind}\b", text)), None)
    if worn and figures:
        wearer = min(figures, key=text.index)
        answers = reading.nouns["worn"][row, NOUNS.index(wearer)].softmax(-1)
        found.append(float(answers[list(WORN).index(worn) + 1]))
    return found


def _place(text: str) -> str | None:
    """Return the place that a prompt names, by a caption's phrase or by its word."""
    by_phrase = (place for place, phrases in PLACE_PHRASES.items() if any(phrase in text for phrase in phrases))
    return next(by_phrase, next((place for place in PLACES if _says(text, place)), None))


def _says(text: str, words: str) -> bool:
    return re.search(rf"\b{re.escape(words)}\b", text) is not None


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 1.0


def _pixels(image: Image.Image) -> Float[Tensor, "3 64 64"]:
    small = image.convert("RGB").resize((SEEN, SEEN), Image.Resampling.BOX)
    return rearrange(torch.from_numpy(np.array(small)), "h w c -> c h w").float() / 255
