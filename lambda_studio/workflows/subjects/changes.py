"""The changes that a concept's new version makes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from concepts.errors import NounMissing
from lambda_studio.config import require

if TYPE_CHECKING:
    from lambda_studio.workflows.subjects.masks.marking import Mark
    from lambda_studio.workflows.subjects.numbering import Called


@dataclass(frozen=True, kw_only=True)
class Changes:
    """The changes of a concept's new version. Images are numbered from 1."""

    noun: str | None = None
    """Another noun. None keeps the present one."""
    add: Sequence[Path] = ()
    """Image files to add."""
    drop: "Sequence[Called]" = ()
    """Images to drop, by their numbers or file names."""
    masks: "Mapping[Called, Mark]" = field(default_factory=dict)
    """What says anew where the subject is, by the numbers or file names of the images: a mask file (white = subject), a
    `Box`, a `Point` or a `Segment`. Boxes and points are in pixels of the stored images, or in percent."""
    segment: str = "auto"
    """How to find the subject in added images: auto, alpha, grabcut, grounded or none."""
    captions: "Mapping[Called, str]" = field(default_factory=dict)
    """Other captions, by the numbers or file names of the images; an empty text removes one. They make no new version.
    """
    keep_original: bool = False
    """Also store the original files of `add`, even for images that the concept already has."""

    def require_some(self, name: str) -> None:
        """Raise InvalidSetting if nothing would change, NounMissing if the new noun is empty."""
        if self.noun is not None and not self.noun.strip():
            remedy = "Name the kind of thing, for example: noun=dog. To keep the present noun, do not give one."
            raise NounMissing(f"The new noun of {name} is empty.", remedy)
        some = bool(self.noun or self.add or self.drop or self.masks or self.captions)
        require(
            some,
            f"No change to {name} was given.",
            "Give noun=NOUN, add=IMAGE, drop=N, masks=N=FILE, boxes=N=BOX, points=N=POINT, segment=N=WAY or "
            "captions=N=TEXT.",
        )
        cause = "No file was given whose original could be kept."
        require(bool(self.add or not self.keep_original), cause, "Give add=IMAGE.")
