"""The subjects of a benchmark: their photographs, read for drawing and for scoring. No library is changed."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from lambda_studio.bundles.layouts.files.kinds import is_picture
from lambda_studio.bundles.layouts.files.tree import natural
from lambda_studio.config import BenchmarkConfig
from lambda_studio.errors import InvalidSetting
from lambda_studio.evaluation.measures import View
from lambda_studio.generation.conditioning import blend
from lambda_studio.pictures.crops import cut_out
from lambda_studio.workflows.subjects.masks.segmenting import subject_finder
from lambda_studio.workflows.workplace import Workplace

MOST_PHOTOGRAPHS = 1000
"""The most photographs of a subject."""


@dataclass(frozen=True)
class BenchSubject:
    """A subject of a benchmark."""

    name: str
    noun: str
    photographs: tuple[Path, ...]
    one: Path
    """The photograph that counts alone where a protocol asks for one."""

    def chosen(self, which: str) -> tuple[Path, ...]:
        """Return all photographs, the one, or the others."""
        others = tuple(each for each in self.photographs if each != self.one)
        return {"all": self.photographs, "one": (self.one,), "others": others}[which]


class Photographs:
    """Reads the photographs of a benchmark's subjects, isolated as all pictures are."""

    def __init__(self, place: Workplace, subjects: Mapping[str, BenchSubject], config: BenchmarkConfig):
        self._place, self._subjects, self._config = place, subjects, config

    @property
    def nouns(self) -> dict[str, str]:
        """The noun of each subject, by its name."""
        return {name: each.noun for name, each in self._subjects.items()}

    def embeds(self, names: Iterable[str]) -> dict[str, Tensor]:
        """Return the embedding by which each subject is drawn: the mean over its cut-out photographs.

        Raises ImageRefused, MaskRefused, and the errors of model loading.
        """
        wanted = [self._subjects[name] for name in dict.fromkeys(names)]
        clip = self._place.stack.clip(("vision",))
        found: dict[str, Tensor] = {}
        with self._place.progress("Finding the subjects", total=len(wanted)) as advance:
            for each in wanted:
                find = subject_finder(self._place, self._config.segment, each.noun)
                photos = [self._place.door.photo(path) for path in each.chosen(self._config.source)]
                cut = [cut_out(photo.image, find(photo).mask, clip.image_size) for photo in photos]
                found[each.name] = blend(clip.encode_images(cut).cpu())
                advance(1, each.name)
        return found

    def count(self, name: str, which: str) -> int:
        """Return how many photographs of a subject there are: all, the one, or the others."""
        return len(self._subjects[name].chosen(which))

    def views(self, name: str, which: str) -> list[View]:
        """Return all photographs of a subject, the one, or the others, whole. Raises ImageRefused."""
        subject = self._subjects[name]
        return [View(self._place.door.photo(path).image, subject.noun) for path in subject.chosen(which)]


def pictures_in(folder: Path) -> list[Path]:
    """Return the picture files in a folder in natural order. Raises InvalidSetting for too many, and OSError."""
    found = [each for each in folder.iterdir() if is_picture(each) and not each.name.startswith(".") and each.is_file()]
    if len(found) > MOST_PHOTOGRAPHS:
        cause = f"{folder} has {len(found)} pictures, more than {MOST_PHOTOGRAPHS}."
        raise InvalidSetting(cause, "Give the folder of the benchmark.")
    return sorted(found, key=lambda each: natural(each.name))
