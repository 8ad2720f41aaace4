"""Find a stack's specification by its name, or in a TOML file."""

import difflib
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any

from concepts.durable import read_small
from lambda_studio.config import FinetuneConfig, GenerateConfig, require
from lambda_studio.errors import InvalidSetting, ModelFilesMissing
from lambda_studio.models.files.locating import HUB_ID
from lambda_studio.models.stacks.specification import BUILT_IN, PLACES, StackSpec
from lambda_studio.settings.kinds import called, kinds_of
from lambda_studio.settings.toml import as_toml

MAX_TOML_BYTES = 2**14  # the time that TOML takes grows with the square of a key
TABLES = ("decoder_settings", "finetune", "generate", "hashes", "metrics", "revisions", "sizes")
NUMBERS = ("resolution", "subjects", "gpu_bytes", "steps_for_thirty")
PREFERRED = {"finetune": FinetuneConfig(), "generate": GenerateConfig()}
"""The tables of settings that a stack prefers."""
OF_ONE_RUN = FinetuneConfig.not_in_files | {"weights"}
"""Settings that no stack can prefer."""
SIZED = ("clip", "prior", "decoder")
"""The parts with a size in `[sizes]`, which every stack has."""


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
    except (ValueError, RecursionError) as error:
        raise InvalidSetting(f"{path} is not TOML ({error}).", "Correct it.") from error
    _check_settings(settings, path)
    folders: dict[str, str] = {key: _beside(path, settings[key]) for key in PLACES if key in settings}
    if "clip_pretrained" in settings:
        folders["clip_pretrained"] = _file_beside(path, settings["clip_pretrained"])
    named = {"name": path.stem, **settings, **folders}
    if "metrics" in named:  # a value of another kind is refused by StackSpec
        places = named["metrics"].items()
        named["metrics"] = {key: _beside(path, place) if isinstance(place, str) else place for key, place in places}
    if "words" in named:
        named["words"] = path.parent / named["words"]
    for table, settings_of in PREFERRED.items():
        with _told(f"{path}, [{table}]"):
            preferred = _underscored(settings.get(table, {}))
            for key in OF_ONE_RUN & preferred.keys():
                raise InvalidSetting(f"{key} belongs to one run.", f"Leave out {key}.")
            settings_of.preferring(preferred)
            named[table] = preferred
    with _told(f"{path}"):
        return StackSpec(**named)


def _underscored(table: dict[str, Any]) -> dict[str, Any]:
    """Return settings with underscores in place of dashes. Raises InvalidSetting for one that is given twice."""
    found: dict[str, Any] = {}
    for written, value in table.items():
        name = written.replace("-", "_")
        require(name not in found, f"{name} is given twice.", "Keep one.")
        found[name] = value
    return found


@contextmanager
def _told(place: str) -> Iterator[None]:
    """Name the place in the file before the cause of an InvalidSetting."""
    try:
        yield
    except InvalidSetting as error:
        raise InvalidSetting(f"{place}: {error.cause}", error.remedy) from error


def _check_settings(settings: dict[str, Any], path: Path) -> None:
    kinds = {each.name: str for each in fields(StackSpec)} | dict.fromkeys(TABLES, dict) | dict.fromkeys(NUMBERS, int)
    for key, value in settings.items():
        near = difflib.get_close_matches(key, kinds, n=1)
        meant = f"Did you mean {near[0]}?" if near else f"Known settings: {', '.join(kinds)}."
        tables = [table for table, config in PREFERRED.items() if key.replace("-", "_") in kinds_of(type(config))]
        meant = f"Write it below a line [{tables[0]}]." if tables else meant
        cause = f"{path} has {key}, which belongs to one run."
        require(key.replace("-", "_") not in OF_ONE_RUN, cause, f"Leave out {key}.")
        require(key in kinds, f"{path} has an unknown setting {key!r}.", meant)
        of_kind = isinstance(value, kinds[key]) and not isinstance(value, bool)
        remedy = f"Write a table: [{key}]" if kinds[key] is dict else f"Give {called(kinds[key])}."
        require(of_kind, f"{path} has {key} = {as_toml(value)}.", remedy)
        if kinds[key] is dict:
            own = {each.name for each in fields(StackSpec)} - {*PLACES, "resolution", *TABLES, *settings}
            for misplaced in sorted(own & {each.replace("-", "_") for each in value}):
                cause = f"{path} has {misplaced} in [{key}], where it has no effect."
                raise InvalidSetting(cause, f"Write {misplaced} above the first line in brackets.")
    for part, size in settings.get("sizes", {}).items():
        cause = f"{path} has {part} = {as_toml(size)} in [sizes]."
        require(part in SIZED and type(size) is int and size > 0, cause, f"Give bytes for {', '.join(SIZED)}.")
    for key in ("clip", "prior", "decoder"):
        require(key in settings, f"{path} has no {key}.", f"Add a line: {key} = 'FOLDER or hub id'.")


def _beside(toml: Path, place: str) -> str:
    """Return the absolute path of a folder named in a TOML file; return a hub id or model name unchanged.

    Raises InvalidSetting for a name that is both a folder beside the file and a hub id.
    """
    folder = place.removeprefix("local-dir:")
    absolute = toml.parent.absolute() / Path(folder).expanduser()
    if place != folder:
        return f"local-dir:{absolute}"
    if place.startswith((".", "~")):  # a path, never the name of a model
        return str(absolute)
    if not place or place.startswith("hf-hub:") or not absolute.is_dir():
        return place
    require(
        HUB_ID.fullmatch(place) is None,
        f"{toml} has {place!r}, which is a folder beside it and could be a repository on the hub.",
        f"Write './{place}' for the folder, or 'hf-hub:{place}' for the repository.",
    )
    return str(absolute)


def _file_beside(toml: Path, name: str) -> str:
    """Return the absolute path of a file beside a TOML file, or the name if there is none."""
    absolute = toml.parent.absolute() / Path(name).expanduser()
    return str(absolute) if absolute.is_file() else name
