"""The rows of a list of concepts, in the spellings of several trainers."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lambda_studio.bundles.layouts.dreambench import read_text
from lambda_studio.bundles.layouts.nouns import GuessedNoun, noun_after_token, noun_in_name, noun_in_prompt, why_no_noun
from lambda_studio.formats import parse_json

FOLDERS = ("instance_data_dir", "instance_data_root", "instance_dir", "instance_images_dir", "image_dir", "data_dir",
           "path", "folder", "dir")  # fmt: skip
CLASSES = ("class_prompt", "class_name", "class_noun", "class_tokens", "class_word", "class", "noun")
INSTANCES = ("instance_prompt", "instance_tokens", "prompt")
NAMES = ("name", "concept_name", "concept")
CLASS_FOLDERS = ("class_data_dir", "class_data_root", "class_dir")
LISTS = ("concepts", "concepts_list", "instances", "subsets")
"""The keys of an object under which a list may lie."""


@dataclass(frozen=True)
class Row:
    """A row of a list: its number and its texts, by the lists of keys above. None: the row has no such key."""

    number: int
    folder: str | None
    folder_key: str
    class_text: str | None
    class_key: str
    instance: str | None
    name: str | None
    class_folder: str | None
    fault: str | None
    is_off: bool

    def noun(self, folder_name: str) -> GuessedNoun:
        """Return the noun of the class prompt, else of the instance prompt, else of the folder's name."""
        if self.class_text and (noun := noun_in_prompt(self.class_text)):
            return GuessedNoun(noun, f"{self.class_key} {self.class_text!r}")
        missing = f"there is no {CLASSES[0]}"
        if self.class_text:
            missing = f"{self.class_key} {self.class_text!r} {why_no_noun(self.class_text) or 'is no noun'}"
        if self.instance and (noun := noun_after_token(self.instance)):
            return GuessedNoun(noun, f"{INSTANCES[0]} {self.instance!r}; {missing}")
        if self.class_text or self.instance:
            return GuessedNoun(None, missing)
        return noun_in_name(folder_name)


def read_rows(path: Path) -> list[Row] | None:
    """Return the rows of a list of concepts; None if the JSON is of another kind. Raises ValueError, OSError."""
    value = parse_json(read_text(path))
    if isinstance(value, dict):
        value = next((value[key] for key in LISTS if isinstance(value.get(key), list)), [value])
    if not isinstance(value, list) or not any(map(_has_folder, value)):
        return None
    return [_row(number, each) for number, each in enumerate(value, start=1)]


def _has_folder(value: Any) -> bool:
    return isinstance(value, dict) and bool({*_spelled(value)} & {*FOLDERS})


def _spelled(value: Mapping[str, Any]) -> dict[str, Any]:
    return {key.casefold().replace("-", "_").replace(" ", "_"): each for key, each in value.items()}


def _row(number: int, value: Any) -> Row:
    said = _spelled(value) if isinstance(value, dict) else {}
    folder_key, folder = _first(said, FOLDERS)
    class_key, class_text = _first(said, CLASSES)
    texts = {"instance": INSTANCES, "name": NAMES, "class_folder": CLASS_FOLDERS}
    others = {field: _first(said, keys)[1] for field, keys in texts.items()}
    fault = None if isinstance(value, dict) else "is not an object"
    if fault is None and folder is None:
        fault = f"{folder_key} is not a text" if folder_key in said else f"has no {FOLDERS[0]}"
    off = said.get("enabled") is False or said.get("is_reg") is True
    return Row(number, folder, folder_key, class_text, class_key, fault=fault, is_off=off, **others)


def _first(said: Mapping[str, Any], keys: tuple[str, ...]) -> tuple[str, str | None]:
    """Return the first of the keys that is there, and its text; None if it is no text or is empty."""
    key = next((key for key in keys if said.get(key) not in (None, "")), keys[0])
    value = said.get(key)
    return key, value if isinstance(value, str) and value.strip() else None
