"""The protocol of oracles: networks that say what is in a picture."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from jaxtyping import Float
from PIL import Image
from torch import Tensor
from typing_extensions import Protocol, runtime_checkable

from lambda_studio.config import require


@dataclass(frozen=True)
class Asked:
    """A picture, and its right answer."""

    image: Image.Image
    label: str
    """Its class."""
    text: str = ""
    """Its prompt, or the question whose answer is yes."""


@runtime_checkable
class Oracle(Protocol):
    """A network that says what is in a picture."""

    @property
    def name(self) -> str:
        """Its name in reports."""
        ...

    def unknown(self, labels: Collection[str]) -> list[str]:
        """Return the labels that it has no answer for."""
        ...

    def confidences(self, asked: Sequence[Asked]) -> Float[Tensor, " picture"]:
        """Return the probability that it gives to the right answer of each picture, in float32 on the CPU."""
        ...


def require_known(oracle: Oracle, labels: Collection[str]) -> None:
    """Raise InvalidSetting for labels that the oracle has no answer for."""
    unknown = oracle.unknown(labels)
    cause = (
        f"The oracle {oracle.name} does not know {', '.join(unknown[:5])} ({len(unknown)} of {len(labels)} classes)."
    )
    require(not unknown, cause, "Name each folder as one of its labels, or give another oracle.", "oracle")
