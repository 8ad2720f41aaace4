"""Turn what a user says of single images (a mask file, a box, a point, a way) into finders of their subjects."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from lambda_studio.pictures.masks.marked import subject_at, subject_in_box
from lambda_studio.pictures.masks.marks import Box, Point, Segment
from lambda_studio.pictures.masks.subject import load_mask
from lambda_studio.workflows.subjects.masks.segmenting import GROUNDED, Finder, find_in_box, grounded, subject_finder
from lambda_studio.workflows.subjects.numbering import Called, Numbering
from lambda_studio.workflows.workplace import Workplace

Mark = Path | Box | Point | Segment
"""A mask file (white = subject), a box around the subject, a point on it, or another way to find it."""


class Marking:
    """Makes the finder of one image from its mark; `segment` and `noun` are those of the other images."""

    def __init__(self, place: Workplace, segment: str, noun: str):
        self._place, self._segment, self._noun = place, segment, noun

    def finder(self, mark: Mark) -> Finder:
        """Return the function that finds the subject as the mark says. In a box, `grounded` asks SAM."""
        look = self._place.door.salience
        if isinstance(mark, Segment):
            return subject_finder(self._place, mark.way, self._noun)
        if isinstance(mark, Box) and self._segment == GROUNDED:
            return partial(find_in_box, grounded(self._place), mark)
        if isinstance(mark, Box):
            return lambda photo: subject_in_box(photo, mark, look)
        if isinstance(mark, Point):
            return lambda photo: subject_at(photo, mark, look)
        return lambda photo: load_mask(mark, photo.image.size, self._place.door.mask_file, photo.turned)

    def given(
        self, masks: Sequence[Path] | Mapping[Called, Mark], pairs: Sequence[tuple[Path, Path | None]]
    ) -> Sequence[Path | Finder | None]:
        """Return what says where the subject of each file is: a mark, else the mask beside it; None is to be found.

        `pairs` are the files, each with the mask beside it.
        """
        beside = [mask for _, mask in pairs]
        if not isinstance(masks, Mapping):
            return masks or beside
        marks = Numbering([file for file, _ in pairs], "This command").numbers(masks)
        numbered = enumerate(beside, start=1)
        return [self.finder(marks[number]) if number in marks else mask for number, mask in numbered]
