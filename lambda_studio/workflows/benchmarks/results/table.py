"""The finished table of an evaluation, in its folder: `table.json`, with the day and the command that made it."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from concepts.durable import read_small, staged_file
from lambda_studio.errors import InvalidSetting
from lambda_studio.formats import FORMAT, format_of, parse_json, too_new
from lambda_studio.workflows.benchmarks.results.results_folder import HIGHEST, LARGEST, ResultsFolder
from lambda_studio.workflows.benchmarks.results.scores import BenchmarkScores

TABLE = "table.json"
KNOWN_FORMAT = 1


@dataclass(frozen=True)
class KeptTable:
    """What a report takes from a finished table. The means come from the rows, by the same function."""

    date: str
    """The day on which the table was made, in UTC."""
    command: str
    real: Mapping[str, float]
    """The row of real photographs, by metric."""


def keep_table(folder: ResultsFolder, found: BenchmarkScores) -> None:
    """Write a table, in place of an earlier one of the same evaluation."""
    told = {FORMAT: KNOWN_FORMAT, **asdict(found), "folder": str(found.folder)}
    with staged_file(folder.out / TABLE, replace=True) as path:
        path.write_text(json.dumps(told, indent=1, ensure_ascii=False), encoding="utf-8")


def read_table(folder: ResultsFolder) -> KeptTable | None:
    """Return the table of an evaluation, or None if it has none. Raises InvalidSetting for a damaged or newer one."""
    path = folder.out / TABLE
    if not path.exists():
        return None
    try:
        said = parse_json(read_small(path, LARGEST))
        number = format_of(said)
        found = KeptTable(said["date"], said["command"], said["real"])
        if not isinstance(found.date, str) or not isinstance(found.command, str):
            raise ValueError("its date or command is no text")
        if not all(type(each) in (int, float) and abs(each) <= HIGHEST for each in found.real.values()):
            raise ValueError("a score is not a number")
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        remedy = "Delete it, and give the command of the evaluation again: it makes the table anew."
        raise InvalidSetting(f"{path} is no table ({error}).", remedy) from error
    if number > KNOWN_FORMAT:
        raise InvalidSetting(too_new(str(path), number, KNOWN_FORMAT), "Update λ-Studio.")
    return found
