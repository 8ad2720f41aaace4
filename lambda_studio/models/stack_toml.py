"""Find a stack's specification by its name, or in a TOML file."""

import difflib
import tomllib
from dataclasses import fields
from pathlib import Path
from typing import Any

from concepts.durable import read_small
from lambda_studio.config import require
from lambda_studio.errors import InvalidSetting, ModelFilesMissing
from lambda_studio.models.stack_spec import BUILT_IN, StackSpec

MAX_TOML_BYTES = 2**20


def resolve_stack(name_or_toml: str) -> StackSpec:
    """Return a built-in stack by its name, or the stack in a TOML file. Raises InvalidSetting."""
    if name_or_toml in BUILT_IN:
        return BUILT_IN[name_or_toml]
    if name_or_toml.endswith(".toml"):
        return from_toml(Path(name_or_toml))
    near = difflib.get_close_matches(name_or_toml, BUILT_IN, n=1)
    meant = f"Did you mean {near[0]}? " if near else ""
    raise InvalidSetting(f"There is no stack {name_or_toml!r}.", f"{meant}Give {', '.join(BUILT_IN)} or a FILE.toml.")


def from_toml(path: Path) -> StackSpec:
    """Read a stack from a TOML file. Folders in the file may be relative to it.

    Raises:
        ModelFilesMissing: the file cannot be read.
        InvalidSetting: the file has a fault.
    """
    try:
        settings = tomllib.loads(read_small(path, MAX_TOML_BYTES).decode())
    except OSError as error:
        raise ModelFilesMissing(
            f"The stack file {path} cannot be read ({error.strerror}).", "Check the name of the stack file."
        ) from error
    except ValueError as error:
        raise InvalidSetting(f"{path} is not TOML ({error}).", "Correct it.") from error
    _check_settings(settings, path)
    parts = [key for key in ("clip", "prior", "decoder", "detector", "segmenter") if key in settings]
    folders: dict[str, str] = {key: _beside(path, settings[key]) for key in parts}
    named = {"name": path.stem, **settings, **folders}
    return StackSpec(**named)


def _check_settings(settings: dict[str, Any], path: Path) -> None:
    kinds = {each.name: str for each in fields(StackSpec)} | {"finetune": dict, "generate": dict, "resolution": int}
    for key, value in settings.items():
        near = difflib.get_close_matches(key, kinds, n=1)
        meant = f"Did you mean {near[0]}?" if near else f"Known settings: {', '.join(kinds)}."
        require(key in kinds, f"{path} has an unknown setting {key!r}.", meant)
        require(isinstance(value, kinds[key]), f"{path} has {key} = {value!r}.", f"Give a {kinds[key].__name__}.")
    for key in ("clip", "prior", "decoder"):
        require(key in settings, f"{path} has no {key}.", f"Add a line: {key} = 'FOLDER or hub id'.")


def _beside(toml: Path, place: str) -> str:
    """Return the absolute path of a folder named in a TOML file; return a hub id or model name unchanged."""
    folder = place.removeprefix("local-dir:")
    absolute = toml.parent.absolute() / Path(folder).expanduser()
    if place != folder:
        return f"local-dir:{absolute}"
    return str(absolute) if place and absolute.is_dir() else place
