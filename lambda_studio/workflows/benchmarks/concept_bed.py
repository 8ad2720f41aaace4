"""ConceptBed's deviation of folders of pictures: how sure an oracle is of drawn pictures, and of real ones."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from concepts.durable import read_small
from lambda_studio.config import require
from lambda_studio.errors import InvalidSetting
from lambda_studio.evaluation.concept_bed.ccd import Confidences, FolderCcd, checked_reference, deviation
from lambda_studio.evaluation.concept_bed.named import find_oracle
from lambda_studio.evaluation.concept_bed.oracle import Asked, Oracle, require_known
from lambda_studio.pictures.files.formats import PICTURE_SUFFIXES
from lambda_studio.progress import Advance
from lambda_studio.workflows.workplace import Workplace

BATCH = 32
LARGEST_TEXT = 4096
"""The maximum bytes of a picture's text."""
LAYOUT = "Give a folder with a folder for each class, and pictures in it: CLASS/picture.png."


@dataclass(frozen=True, kw_only=True)
class Compared:
    """Two folders to compare, and how."""

    generated: Path
    real: Path
    oracle: str = "miniature"
    """`miniature`, `timm:FOLDER` or `vilt:FOLDER`."""
    reference: str = "global"
    """`global` or `class`."""

    def __post_init__(self) -> None:
        checked_reference(self.reference)


def measure_folders(place: Workplace, compared: Compared) -> FolderCcd:
    """Return how much surer an oracle is of real pictures than of drawn ones.

    Raises InvalidSetting for a folder of another layout and for a class that the oracle does not know; ImageRefused;
    ModelFilesMissing and ModelFilesInvalid for the oracle's files.
    """
    oracle = find_oracle(compared.oracle, place.stack.device)
    drawn, real = classes_in(compared.generated), classes_in(compared.real)
    require_known(oracle, [*dict.fromkeys([*drawn, *real])])
    count = sum(map(len, [*drawn.values(), *real.values()]))
    with place.progress("Reading pictures", count) as advance:
        of_drawn, of_real = (_confidences(place, oracle, each, advance) for each in (drawn, real))
    return FolderCcd(oracle.name, deviation(of_drawn, of_real, checked_reference(compared.reference)))


def classes_in(folder: Path) -> dict[str, list[Path]]:
    """Return the pictures of each class in a folder. Raises InvalidSetting if there are none."""
    if not folder.is_dir():
        raise InvalidSetting(f"There is no folder {folder}.", LAYOUT)
    found = {each.name: _pictures(each) for each in sorted(folder.iterdir()) if each.is_dir()}
    found = {name: paths for name, paths in found.items() if paths}
    require(bool(found), f"{folder} has no classes with pictures.", LAYOUT)
    return found


def _pictures(folder: Path) -> list[Path]:
    return sorted(each for each in folder.iterdir() if each.suffix.lower() in PICTURE_SUFFIXES and each.is_file())


def _confidences(
    place: Workplace, oracle: Oracle, classes: Mapping[str, Sequence[Path]], advance: Advance
) -> Confidences:
    found: dict[str, list[float]] = {}
    for label, paths in classes.items():
        found[label] = []
        for start in range(0, len(paths), BATCH):
            part = paths[start : start + BATCH]
            asked = [Asked(place.door.photo(path).image, label, text_of(path)) for path in part]
            found[label] += oracle.confidences(asked).tolist()
            advance(len(part), note=label)
    return found


def text_of(picture: Path) -> str:
    """Return the text beside a picture, its prompt or question, or nothing. Raises InvalidSetting."""
    path = picture.with_suffix(".txt")
    if not path.is_file():
        return ""
    try:
        return read_small(path, LARGEST_TEXT).decode().strip()
    except (OSError, ValueError) as error:
        raise InvalidSetting(f"{path} is no short text in UTF-8 ({error}).", "Write one question into it.") from error
