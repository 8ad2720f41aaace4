"""Folder layouts for import: DreamBench, kohya, Custom Diffusion, or one folder for each subject."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from concepts.printable import printable
from lambda_studio.errors import BundleRefused
from lambda_studio.pictures.files.formats import PICTURE_SUFFIXES

CLASSES, CONCEPTS_LIST = "prompts_and_classes.txt", "concepts_list.json"
MAX_LIST_BYTES = 2**20
LAYOUTS = (
    f"Give a folder with a subfolder for each subject (DreamBench's with {CLASSES}, or kohya's with names like 10_cat),"
    f" or with Custom Diffusion's {CONCEPTS_LIST}."
)


@dataclass(frozen=True)
class FoundConcept:
    """A subject found in a folder of pictures. `notes` tell the user about guesses and skipped files."""

    name: str
    noun: str
    pictures: tuple[Path, ...]
    notes: tuple[str, ...] = ()


def find_concepts(source: Path) -> list[FoundConcept]:
    """Return the subjects in a folder or a Custom Diffusion list. Raises BundleRefused with every fault."""
    if not source.exists():
        raise BundleRefused(f"{source} does not exist.", "Check the path.")
    faults: list[str] = []
    if source.is_file() or (source / CONCEPTS_LIST).is_file():
        found = list(_listed(source if source.is_file() else source / CONCEPTS_LIST, faults))
    else:
        found = list(_foldered(source, faults))
    root = source.parent if source.is_file() else source
    faults += [fault for concept in found for fault in _strays(concept, root)]
    if not found and not faults:
        faults.append("no subfolder contains pictures")
    if faults:
        cause = "\n  - ".join(map(printable, [f"{source} cannot be imported:", *faults]))
        raise BundleRefused(cause, LAYOUTS)
    return found


def _foldered(root: Path, faults: list[str]) -> Iterator[FoundConcept]:
    """Iterate over the subjects of DreamBench's, kohya's or a plain layout, with a folder for each."""
    nouns = _classes(root / CLASSES, faults)
    for folder in sorted(each for each in root.iterdir() if each.is_dir() and not each.name.startswith(".")):
        pictures, notes = _pictures(folder)
        if not pictures:
            continue
        if folder.name in nouns:
            yield FoundConcept(folder.name, nouns[folder.name], pictures, notes)
        elif kohya := re.fullmatch(r"\d+_(\S+)(?:\s+(.+))?", folder.name):
            yield FoundConcept(kohya[1], kohya[2] or kohya[1], pictures, notes)
        else:
            noun = " ".join(re.findall(r"[^\W\d_]+", folder.name)) or "thing"
            guessed = (
                f"the noun {noun!r} comes from the folder's name; change it: studio concepts edit NAME --noun NOUN"
            )
            yield FoundConcept(folder.name, noun, pictures, (*notes, guessed))


def _pictures(folder: Path) -> tuple[tuple[Path, ...], tuple[str, ...]]:
    """Return the pictures in a folder by name, and a note about other files."""
    files = sorted(each for each in folder.iterdir() if not each.name.startswith("."))
    pictures = tuple(file for file in files if file.suffix.lower() in PICTURE_SUFFIXES)
    aside = [file.name for file in files if file not in pictures]
    return pictures, (f"skipped: {', '.join(aside[:5])}{' …' if len(aside) > 5 else ''}",) if aside else ()


def _classes(path: Path, faults: list[str]) -> dict[str, str]:
    """Return the nouns in DreamBench's file, by subject; without such a file, an empty dict."""
    text = _text(path, faults) if path.is_file() else ""
    _, _, table = text.partition("subject_name,class\n")
    rows = table.partition("\n\n")[0].splitlines()
    return {name.strip(): noun.strip() for name, comma, noun in (row.partition(",") for row in rows) if comma}


def _listed(path: Path, faults: list[str]) -> Iterator[FoundConcept]:
    """Iterate over Custom Diffusion's list. Its folders are searched beside the list, then in the current folder."""
    try:
        entries = json.loads(_text(path, faults) or "[]")
        rows = [(str(each["instance_data_dir"]), str(each["class_prompt"])) for each in entries]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        faults.append(f"{path.name} is not a list of instance_data_dir and class_prompt ({error})")
        return
    for directory, prompt in rows:
        folder = next((each for each in (path.parent / directory, Path(directory)) if each.is_dir()), None)
        pictures, notes = _pictures(folder) if folder else ((), ())
        if pictures and folder:
            yield FoundConcept(folder.name, _noun(prompt), pictures, notes)
        else:
            faults.append(f"{path.name} names {directory!r}, which contains no pictures")


def _noun(prompt: str) -> str:
    """Return the noun of a class prompt: `photo of a cat` -> `cat`."""
    return re.sub(r"^(?:(?:a|an|the|photo|picture|image|of)\s+)+", "", prompt.strip(), flags=re.IGNORECASE)


def _strays(concept: FoundConcept, root: Path) -> Iterator[str]:
    """Iterate over faults for pictures that a link or list takes from outside the given and the current folder."""
    allowed = (root.resolve(), Path.cwd())
    for picture in concept.pictures:
        real = picture.resolve()
        if not any(real.is_relative_to(folder) for folder in allowed):
            yield f"{picture} is outside the folder, at {real}"


def _text(path: Path, faults: list[str]) -> str:
    try:
        if path.stat().st_size > MAX_LIST_BYTES:
            raise ValueError(f"it has more than {MAX_LIST_BYTES} bytes")
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        faults.append(f"{path.name} cannot be read: {error}")
        return ""
