"""Find the masks that lie beside pictures, by their names."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lambda_studio.bundles.layouts.files.kinds import is_picture
from lambda_studio.bundles.layouts.files.tree import Folder
from lambda_studio.bundles.layouts.words import GENERIC

ONE_TRAINER, ONE_TRAINER_CONDITION = "-masklabel", "-condlabel"
_FILE = re.compile(rf"(.+?)(?:{ONE_TRAINER}|[._ -](?:mask|matte|alpha))", re.IGNORECASE)
_FOLDER = re.compile(r"(?:(.+?)[._ -])?masks?", re.IGNORECASE)


@dataclass
class Masks:
    """The masks of a tree: each by its picture. `others` has reasons of files that are no subject's.

    `unnamed` has the pictures whose names do not say that they are pictures.
    """

    of: dict[Path, Path] = field(default_factory=dict)
    others: dict[Path, str] = field(default_factory=dict)
    unnamed: set[Path] = field(default_factory=set)
    _used: set[Path] = field(default_factory=set)

    def is_subject(self, path: Path) -> bool:
        """Return whether a file is a picture and not a mask."""
        return (is_picture(path) or path in self.unnamed) and path not in self._used and path not in self.others

    def add(self, other: "Masks") -> None:
        """Add the masks of another tree."""
        self.of.update(other.of)
        self.others.update(other.others)
        self.unnamed |= other.unnamed
        self._used |= other._used

    def pair(self, picture: Path, mask: Path) -> None:
        """Note a mask, unless its picture has one already."""
        if picture in self.of:
            self.others[mask] = "second masks of pictures"
        else:
            self.of[picture] = mask
            self._used.add(mask)


Known = Mapping[tuple[Path, str], Path]
"""Pictures by their folder and their name without suffix."""


def find_masks(top: Folder) -> Masks:
    """Return the masks in a folder: `X-masklabel.png` or `X.mask.png` beside `X.jpg`, and folders `masks`, `rex_masks`.

    Nothing is a mask without a picture of its name, except OneTrainer's files and the rest of a folder of masks.
    """
    pictures = reversed([*top.every_picture()])  # the first of a name counts
    known = {(file.parent, stem): file for file in pictures for stem in (file.stem.casefold(), file.name.casefold())}
    masks = Masks(unnamed={file for folder in top.every() for file in folder.unnamed})
    for folder in top.every():
        _pair_beside(folder, known, masks)
        for child in folder.folders:
            _pair_folder(child, folder, known, masks)
    return masks


def _pair_beside(folder: Folder, known: Known, masks: Masks) -> None:
    for file in folder.pictures:
        stem = file.stem.casefold()
        if stem.endswith(ONE_TRAINER_CONDITION):
            masks.others[file] = "OneTrainer's condition images"
        elif found := _FILE.fullmatch(stem):
            if picture := known.get((folder.path, found[1])):
                masks.pair(picture, file)
            elif stem.endswith(ONE_TRAINER):
                masks.others[file] = "masks without a picture of their name"


def _pair_folder(folder: Folder, parent: Folder, known: Known, masks: Masks) -> None:
    """Pair the files of a folder of masks with the pictures beside it. Without any pair it is no folder of masks."""
    named = _FOLDER.fullmatch(folder.name)
    if not named:
        return
    files = [*folder.every_picture()]
    pairs = [(picture, file) for file in files if (picture := _pictured(file, folder, parent, named[1], known))]
    for picture, mask in pairs:
        masks.pair(picture, mask)
    alone = {*files} - {mask for _, mask in pairs} if pairs else ()
    masks.others.update(dict.fromkeys(alone, "masks without a picture of their name"))


def _pictured(file: Path, folder: Folder, parent: Folder, base: str | None, known: Known) -> Path | None:
    """Return the picture of a file in a folder of masks."""
    within = file.parent.relative_to(folder.path)
    stem = file.stem.casefold()
    marked = _FILE.fullmatch(stem)
    stems = (stem, marked[1]) if marked else (stem,)
    keys = ((place / within, each) for place in _places(parent, base) for each in stems)
    return next((known[key] for key in keys if key in known), None)


def _places(parent: Folder, base: str | None) -> Iterator[Path]:
    """Iterate over the folders whose pictures a folder of masks may be about."""
    if base is None:
        yield parent.path
    for folder in parent.folders:
        if folder.name.casefold() in ((base or "").casefold(), *(GENERIC if base is None else ())):
            yield folder.path
