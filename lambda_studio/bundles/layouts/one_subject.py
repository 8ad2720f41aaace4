"""The pictures of one subject, in files and folders that the user names."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from lambda_studio.bundles.layouts.files.kinds import is_picture
from lambda_studio.bundles.layouts.files.masks import find_masks
from lambda_studio.bundles.layouts.files.tree import Folder, read_tree
from lambda_studio.bundles.layouts.finding import Finding
from lambda_studio.bundles.layouts.nouns import GuessedNoun
from lambda_studio.bundles.layouts.plan import Plan, holds
from lambda_studio.errors import ImageRefused
from lambda_studio.pictures.files.captions import caption_file
from lambda_studio.pictures.files.refusals import refused

Pair = tuple[Path, Path | None]
"""A picture and the mask beside it."""
MOST_NAMES = 5
UNUSABLE = "Remove it, or name the pictures."


@dataclass(frozen=True)
class OneSubject:
    """Pictures with the masks beside them, notes about files that are neither, and files that cannot be used."""

    pairs: tuple[Pair, ...]
    notes: tuple[str, ...] = ()
    refused: tuple[ImageRefused, ...] = ()


def one_subject(given: "Sequence[Path | str] | Path | str") -> OneSubject:
    """Return the pictures of files and folders: the files as they are named, a folder's in natural order.

    Masks are found in the folders, and among the files. Raises ImageRefused for a folder without pictures that can be
    opened.
    """
    named = [given] if isinstance(given, (str, Path)) else given  # a lone name is no sequence of its letters
    paths = [Path(each) for each in named]
    files = [path for path in paths if not path.is_dir()]
    masks, captions = _masks_among(files), _captions_among(files)
    pairs: list[Pair] = []
    bad: list[ImageRefused] = []
    notes = [f"{mask.name} is used as the mask of {picture.name}" for picture, mask in masks.items()]
    for path in paths:
        if path.is_dir():
            plan = _plan(path)
            pairs += [(path / each.file, path / each.mask if each.mask else None) for each in plan.subjects[0].pictures]
            notes += [*_notes(plan), *_several(path, plan)]
            bad += [refused(path / fault.where, fault.why, UNUSABLE) for fault in plan.faults]
        elif path not in masks.values() and path not in captions:
            pairs.append((path, masks.get(path)))
    return OneSubject(tuple(pairs), tuple(notes), tuple(bad))


def _masks_among(files: Sequence[Path]) -> dict[Path, Path]:
    """Return the masks that are named together with their pictures, as `rex/*` names them."""
    masks: dict[Path, Path] = {}
    for parent in dict.fromkeys(file.parent for file in files):
        beside = tuple(file for file in files if file.parent == parent)
        masks |= find_masks(Folder(parent, beside, ())).of
    return masks


def _captions_among(files: Sequence[Path]) -> set[Path]:
    """Return the captions that are named together with their pictures."""
    return {caption_file(file) for file in files if is_picture(file)}


def _plan(folder: Path) -> Plan:
    tree = read_tree(folder)
    found = Finding(tree, find_masks(tree.top))
    found.take(folder.name, GuessedNoun(None, ""), tree.top.every_file(), folder)
    plan = found.plan(str(folder))
    if plan.faults and not plan.subjects[0].pictures:
        causes = "; ".join(map(str, plan.faults))
        raise ImageRefused(f"The folder {folder} cannot be added: {causes}.", UNUSABLE)
    if not plan.subjects[0].pictures:
        cause = f"The folder {folder} has no pictures{holds(plan)}."
        raise ImageRefused(cause, "Give the photos of the subject, or their folder.")
    return plan


def _several(folder: Path, plan: Plan) -> list[str]:
    """Return a note if the pictures are in several folders, as those of several subjects are."""
    within = {PurePosixPath(each.file).parts[0] for each in plan.subjects[0].pictures if "/" in each.file}
    if len(within) < 2:
        return []
    return [f"{folder} has {len(within)} folders with pictures. If each is a subject: studio library import {folder}"]


def _notes(plan: Plan) -> list[str]:
    notes = []
    for each in plan.left_aside:
        more = f" and {len(each.files) - MOST_NAMES} more" if len(each.files) > MOST_NAMES else ""
        folder = Path(plan.source) / each.folder
        notes.append(f"left aside in {folder}: {', '.join(each.files[:MOST_NAMES])}{more}: {each.why}")
    return notes
