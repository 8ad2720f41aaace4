"""The miniature's oracle as ConceptBed's: its confidence that a picture shows a noun, a place or a worn thing."""

from collections.abc import Collection, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from lambda_studio.evaluation.concept_bed.oracle import Asked
from lambda_studio.miniature.judge.measures import PictureReader
from lambda_studio.miniature.judge.oracle import Reading
from lambda_studio.miniature.world.figures import FIGURES, WORN
from lambda_studio.miniature.world.identities import NOUNS
from lambda_studio.miniature.world.places import PLACES

BATCH = 64


class ConceptOracle:
    """The packaged oracle.

    Its classes are the nouns of figures, the places, and the things to wear. A noun's confidence is the softmax over
    the nouns' presence, as of a classifier. A worn thing is asked of the noun that the text names first, or else of the
    noun that is most present.
    """

    name = "miniature"

    def __init__(self, reader: PictureReader | None = None):
        self._reader = reader or PictureReader()

    def unknown(self, labels: Collection[str]) -> list[str]:
        """Return the labels that are not of the miniature's world."""
        return [label for label in labels if label.replace("_", " ") not in (*FIGURES, *PLACES, *WORN)]

    @torch.no_grad()
    def confidences(self, asked: Sequence[Asked]) -> Float[Tensor, " picture"]:
        """Return the probability of each picture's class."""
        found = []
        for start in range(0, len(asked), BATCH):
            part = asked[start : start + BATCH]
            reading = self._reader.read([each.image for each in part])
            found += [_confidence(reading, row, each) for row, each in enumerate(part)]
        return torch.tensor(found)


def _confidence(reading: Reading, row: int, asked: Asked) -> float:
    label = asked.label.replace("_", " ")
    if label in PLACES:
        return float(reading.place[row].softmax(-1)[list(PLACES).index(label)])
    present = reading.nouns["present"][row, : len(FIGURES), 0].float()
    if label in FIGURES:
        return float(present.softmax(-1)[NOUNS.index(label)])
    named = [noun for noun in FIGURES if noun in asked.text]
    wearer = NOUNS.index(min(named, key=asked.text.index)) if named else int(present.argmax())
    return float(reading.nouns["worn"][row, wearer].softmax(-1)[list(WORN).index(label) + 1])
