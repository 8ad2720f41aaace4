"""The picture files that a drawing is given, by the names of their options."""

from collections.abc import Collection
from pathlib import Path
from typing import TypedDict

from lambda_studio.settings.base import require


class GivenPictures(TypedDict, total=False):
    """The picture files of a drawing. Each may be left out."""

    edges: Path | None
    """The drawing follows the edges of this picture."""
    from_image: Path | None
    """The drawing begins with this photograph and noise: see `GenerateConfig.strength`."""
    mask: Path | None
    """White is what is drawn anew in the photograph. Elsewhere it keeps its pixels."""
    depth: Path | None
    """A depth map, for a stack whose decoder is a ControlNet. Near is light."""


ROLES = tuple(GivenPictures.__annotations__)


def require_needed(given: Collection[str], needs: Collection[str]) -> None:
    """Raise InvalidSetting for a picture that a decoder needs, or does not take.

    Args:
        given: names among `ROLES`.
        needs: the decoder's `needs`.
    """
    asked = (
        (
            "mask" not in needs or "mask" in given,
            "The stack's decoder inpaints: it needs a photograph and a mask.",
            "Give from_image=PHOTO and mask=MASK, or use a text-to-image decoder.",
        ),
        (
            "depth" not in needs or "depth" in given,
            "The stack's decoder is a ControlNet: it needs a depth map.",
            "Give depth=IMAGE, or use a text-to-image decoder.",
        ),
        (
            "depth" in needs or "depth" not in given,
            "The stack's decoder takes no depth map.",
            "Use a stack with the decoder kandinsky-community/kandinsky-2-2-controlnet-depth.",
        ),
        (
            "mask" not in given or "from_image" in given,
            "A mask is given without a photograph.",
            "Give the photograph, too: from_image=PHOTO.",
        ),
    )
    for fits, cause, remedy in asked:
        require(fits, cause, remedy)
