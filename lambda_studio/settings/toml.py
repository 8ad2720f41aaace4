"""Settings in a TOML file."""

import difflib
import errno
import json
import tomllib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from concepts.durable import read_small
from lambda_studio.errors import InvalidSetting
from lambda_studio.settings.kinds import called, example_of, fits

MAX_TOML_BYTES = 2**14  # the time that TOML takes grows with the square of a key
A_FILE = "Give a TOML file of settings, for example one with the line: rank = 16"


def read_settings(
    path: Path, spellings: Mapping[str, str], kinds: Mapping[str, Any], elsewhere: Collection[str] = ()
) -> dict[str, Any]:
    """Return the settings of a file by their names.

    Args:
        path: the file.
        spellings: the name for each spelling, with underscores.
        kinds: the annotation of each setting.
        elsewhere: keys that only the command line takes.

    Raises InvalidSetting for a file that cannot be read, and for a setting that is not known, of a wrong kind or given
    twice.
    """
    found: dict[str, Any] = {}
    for written, value in _read(path).items():
        key = written.replace("-", "_")
        if key not in spellings:
            raise _unknown(path, written, value, spellings, key in elsewhere)
        name = spellings[key]
        if name in found:
            raise InvalidSetting(f"{path} gives {name} twice.", "Keep one.")
        if not fits(value, kinds[name]):
            raise _of_another_kind(path, written, value, kinds[name])
        found[name] = tuple(value) if isinstance(value, list) else value
    return found


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(read_small(path, MAX_TOML_BYTES).decode())
    except UnicodeDecodeError as error:
        raise InvalidSetting(f"{path} is no text file.", A_FILE) from error
    except OSError as error:
        if error.errno == errno.EFBIG:
            cause = f"{path} is no file of settings: it has more than {MAX_TOML_BYTES:,} bytes."
            raise InvalidSetting(cause, A_FILE) from error
        raise InvalidSetting(f"The file {path} cannot be read ({error.strerror}).", "Check its name.") from error
    except (ValueError, RecursionError) as error:
        raise InvalidSetting(f"{path} is not TOML ({error}).", "Correct it.") from error


def _of_another_kind(path: Path, written: str, value: Any, kind: Any) -> InvalidSetting:
    """Return the error for a value that a setting does not take. A text in place of a list is shown in one."""
    example = as_toml([value]) if fits([value], kind) else example_of(kind)
    shown = f", for example: {written} = {example}" if example else "."
    return InvalidSetting(f"{path} has {written} = {as_toml(value)}.", f"Give {called(kind)}{shown}")


def _unknown(path: Path, written: str, value: Any, spellings: Mapping[str, str], elsewhere: bool) -> InvalidSetting:
    """Return the error for a key that is no setting."""
    if isinstance(value, dict):
        remedy = f"Write the keys without a table: leave out the line [{written}]."
        return InvalidSetting(f"{path} has the table [{written}].", remedy)
    if elsewhere:
        return InvalidSetting(f"{path} has {written!r}, which is no setting.", "Give it on the command line.")
    name = written.replace("-", "_")
    near = difflib.get_close_matches(name, spellings, n=1)
    meant = f"Did you mean {near[0]}?" if near else f"Settings are: {', '.join(sorted({*spellings.values()}))}."
    if isinstance(value, bool) and name.removeprefix("no_") != name and name.removeprefix("no_") in spellings:
        meant = f"Write {name.removeprefix('no_')} = {as_toml(not value)}."
    return InvalidSetting(f"{path} has {written!r}, which is no setting.", meant)


def as_toml(value: Any) -> str:
    """Return a value as a TOML file has it."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {as_toml(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(as_toml, value)) + "]"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str | bool) else str(value)
