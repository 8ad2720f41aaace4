"""Settings in a TOML file."""

import difflib
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from concepts.durable import read_small
from lambda_studio.errors import InvalidSetting

MAX_TOML_BYTES = 2**14  # the time that TOML takes grows with the square of a key


def read_settings(path: Path, spellings: Mapping[str, str]) -> dict[str, Any]:
    """Return the settings of a file by their names. `spellings` has the name for each spelling, with underscores.

    Raises InvalidSetting for a file that cannot be read, a setting that is not known, and one that is given twice.
    """
    try:
        given = tomllib.loads(read_small(path, MAX_TOML_BYTES).decode())
    except OSError as error:
        raise InvalidSetting(f"The file {path} cannot be read ({error.strerror}).", "Check its name.") from error
    except (ValueError, RecursionError) as error:
        raise InvalidSetting(f"{path} is not TOML ({error}).", "Correct it.") from error
    found: dict[str, Any] = {}
    for written, value in given.items():
        key = written.replace("-", "_")
        if key not in spellings:
            near = difflib.get_close_matches(key, spellings, n=1)
            meant = f"Did you mean {near[0]}?" if near else f"Settings are: {', '.join(sorted({*spellings.values()}))}."
            raise InvalidSetting(f"{path} has {written!r}, which is no setting.", meant)
        if spellings[key] in found:
            raise InvalidSetting(f"{path} gives {spellings[key]} twice.", "Keep one.")
        found[spellings[key]] = tuple(value) if isinstance(value, list) else value
    return found
