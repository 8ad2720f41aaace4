"""One folder for each subject: plain, nested, DreamBench's or kohya's."""

from pathlib import Path

from lambda_studio.bundles.layouts.dreambench import CLASSES, read_classes
from lambda_studio.bundles.layouts.files.tree import Folder
from lambda_studio.bundles.layouts.finding import Finding
from lambda_studio.bundles.layouts.kohya import REGULARISATION, is_kohyas, is_regularisation, take_kohyas
from lambda_studio.bundles.layouts.nouns import GuessedNoun, noun_in_name, why_no_noun
from lambda_studio.bundles.layouts.plan import Fault
from lambda_studio.bundles.layouts.words import GENERIC


def take_folders(found: Finding, top: Folder, name: str) -> None:
    """Take the subjects of a folder: one in each subfolder, or one in the folder itself, then named `name`."""
    if not any(map(found.has_pictures, top.folders)) and found.has_own_pictures(top):
        found.layout = "one folder of pictures"
        found.take(name, noun_in_name(name), top.files, top.path)
    else:
        found.layout = "a folder for each subject"
        _take_level(found, top)


def _take_level(found: Finding, folder: Folder) -> None:
    """Take the subjects of one level of folders."""
    nouns = _classes(found, folder)
    folders = [each for each in folder.folders if found.has_pictures(each)]
    known = [each for each in folders if each.name in nouns]
    for each in known:
        noun = nouns[each.name]
        why = why_no_noun(noun)
        said = GuessedNoun(None, f"{CLASSES} says {noun!r}, which {why}") if why else GuessedNoun(noun, CLASSES)
        _take_whole(found, each, said)
    rest = [each for each in folders if each not in known]
    if any(map(_has_kohyas, [folder, *rest])):
        found.layout = "kohya's folders"
        rest = _without_regularisation(found, rest)
        if any(map(is_kohyas, rest)):
            rest = take_kohyas(found, rest)
    alone = len(folders) == 1 and not nouns
    for each in rest:
        if _is_wrapper(found, each, alone):
            _take_level(found, each)
        else:
            _take_whole(found, each, noun_in_name(each.name))


def _take_whole(found: Finding, folder: Folder, noun: GuessedNoun) -> None:
    """Take all pictures in a folder as one subject, also those in its subfolders."""
    nested = [each.name for each in folder.folders if found.has_pictures(each)]
    notes = [f"with the pictures of its folders {', '.join(nested)}"] if nested else []
    found.take(folder.name, noun, folder.every_file(), folder.path, notes)


def _is_wrapper(found: Finding, folder: Folder, alone: bool) -> bool:
    """Return whether a folder has only folders of subjects: it is alone, says nothing, or has kohya's folders."""
    if found.has_own_pictures(folder):
        return False
    return alone or folder.name.casefold() in GENERIC or _has_kohyas(folder)


def _has_kohyas(folder: Folder) -> bool:
    """Return whether a folder has kohya's folders, at any depth."""
    return any(map(is_kohyas, (each for inside in folder.every() for each in inside.folders)))


def _without_regularisation(found: Finding, folders: list[Folder]) -> list[Folder]:
    for folder in folders:
        if is_regularisation(folder.name):
            found.put_aside(folder, REGULARISATION)
    return [folder for folder in folders if not is_regularisation(folder.name)]


def _classes(found: Finding, folder: Folder) -> dict[str, str]:
    """Return the nouns of DreamBench's file in a folder; without such a file, an empty dict."""
    path = folder.path / CLASSES
    if path not in folder.files:
        return {}
    found.layout = "DreamBench"
    found.aside[path] = "the subjects' nouns"
    try:
        nouns = read_classes(path)
    except (OSError, ValueError) as error:
        found.faults.append(Fault(found.tree.shown(path), f"cannot be read: {_reason(error)}"))
        return {}
    there = {each.name for each in folder.folders if found.has_pictures(each)}
    _note_missing(found, path, [name for name in nouns if name not in there])
    return nouns


def _note_missing(found: Finding, path: Path, names: list[str]) -> None:
    if names:
        shown = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
        found.aside[path] = f"the subjects' nouns; no folder is there for {shown}"


def _reason(error: OSError | ValueError) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
