"""The subjects of Multibench in a folder: a folder of photographs for each, with a noun from one of three sources."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lambda_studio.bundles.layouts.dreambench import CLASSES, read_text
from lambda_studio.bundles.layouts.files.tree import natural
from lambda_studio.config import require
from lambda_studio.errors import InvalidSetting
from lambda_studio.evaluation.benchmarks.dreambench import KOSMOS_G, NAME
from lambda_studio.evaluation.benchmarks.multibench import categories, chosen
from lambda_studio.formats import parse_json
from lambda_studio.workflows.benchmarks.dreambench import read_file
from lambda_studio.workflows.benchmarks.subjects import pictures_in

INDEX = "multibench.json"
"""The noun of each folder, as {"rex": "dog", "old-tower": "tower"}."""
REMEDY = f'Give a folder with a folder of photographs for each subject, and {INDEX} with {{"FOLDER": "NOUN"}}.'
MOST_NAMED = 12


@dataclass(frozen=True)
class Instances:
    """The subjects that are used, by their category, and what is said of the others."""

    folder: Path
    nouns: Mapping[str, str]
    by_category: Mapping[str, tuple[str, ...]]
    notes: tuple[str, ...]

    def photographs(self, name: str) -> tuple[Path, ...]:
        """Return a subject's photographs."""
        return tuple(pictures_in(self.folder / name))

    def one(self, name: str) -> Path:
        """Return the photograph that counts alone: Kosmos-G's, else the first one."""
        found = self.photographs(name)
        return next((each for each in found if each.stem == KOSMOS_G.get(name)), found[0])


def instances_in(folder: Path, wished: Sequence[str] = ()) -> Instances:
    """Return the subjects of a folder: the wished ones, else of each category as many as the published set has.

    Raises InvalidSetting.
    """
    nouns = _nouns(folder)
    unknown = [name for name in wished if name not in nouns]
    has = f"It has: {', '.join(nouns)}."
    require(not unknown, f"{folder} has no photographs of {', '.join(unknown)[:200]} with a noun.", has, "subjects")
    by_category, known = dict[str, tuple[str, ...]](), categories()
    for category in known:
        there = [name for name, noun in nouns.items() if noun == category and (not wished or name in wished)]
        by_category[category] = tuple(there) if wished else chosen(category, there)
    used = {name for names in by_category.values() for name in names}
    rest = [name for name in nouns if name not in used and (not wished or name in wished)]
    return Instances(folder, nouns, by_category, _notes([(name, nouns[name]) for name in rest], known))


def _notes(rest: Sequence[tuple[str, str]], known: Sequence[str]) -> tuple[str, ...]:
    foreign = [f"{name} ({noun})" for name, noun in rest if noun not in known]
    many = [f"{name} ({noun})" for name, noun in rest if noun in known]
    said = []
    if many:
        said.append(f"Not used, because the published set has no more of their kind: {_listed(many)}.")
    if foreign:
        said.append(f"Not used, because no composition has their noun: {_listed(foreign)}.")
    return tuple(said)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:MOST_NAMED]) + (f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else "")


def _nouns(folder: Path) -> dict[str, str]:
    """Return the noun of each folder with pictures: from the index, from DreamBench's file, or from its name."""
    try:
        folders = sorted((each for each in folder.iterdir() if each.is_dir()), key=lambda each: natural(each.name))
        found = {each.name for each in folders if NAME.fullmatch(each.name) and pictures_in(each)}
    except OSError as error:
        raise InvalidSetting(f"{folder} cannot be read ({error.strerror}).", REMEDY) from error
    of_index = _index(folder) if (folder / INDEX).exists() else {}
    of_dreambench = read_file(folder).nouns if (folder / CLASSES).exists() else {}
    of_name = {each: each.replace("_", " ").replace("-", " ") for each in found}
    named = {name: noun for name, noun in of_name.items() if noun in categories()}
    nouns = {**named, **of_dreambench, **of_index}
    absent = [name for name in of_index if name not in found]
    require(not absent, f"{folder / INDEX} names {_listed(absent)}, without a folder of photographs.", REMEDY)
    return {each.name: nouns[each.name] for each in folders if each.name in found and each.name in nouns}


def _index(folder: Path) -> dict[str, str]:
    path = folder / INDEX
    try:
        said: Any = parse_json(read_text(path))
    except OSError as error:
        raise InvalidSetting(f"{path} cannot be read ({error.strerror}).", REMEDY) from error
    except ValueError as error:
        raise InvalidSetting(f"{path} is no JSON ({error}).", REMEDY) from error
    plain = isinstance(said, dict) and all(isinstance(noun, str) for noun in said.values())
    require(plain and all(map(NAME.fullmatch, said)), f"{path} is no table of folders and nouns.", REMEDY)
    return {name: " ".join(noun.split()).lower() for name, noun in said.items()}
