"""The table of a plan: one row for each picture, written as CSV or JSON, edited by the user, and read back."""

import csv
import io
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from concepts.durable import read_small, staged_file
from lambda_studio.bundles.layouts.files.masks import Masks
from lambda_studio.bundles.layouts.files.tree import outside
from lambda_studio.bundles.layouts.finding import Finding
from lambda_studio.bundles.layouts.nouns import GuessedNoun
from lambda_studio.bundles.layouts.plan import Fault, Plan
from lambda_studio.errors import BundleRefused, InvalidSetting, OutputExists
from lambda_studio.formats import UPDATE, format_of, parse_json, too_new

COLUMNS = ("name", "noun", "picture", "mask")
FORMAT = 1
MAX_BYTES = 64 * 2**20
REMEDY = "Write one with write_table=FILE.csv, edit it, and give it back with table=FILE.csv."
Row = dict[str, str]


def write_table(plan: Plan, out: Path) -> Path:
    """Write a plan's table as CSV or JSON, by the suffix of `out`. No file is overwritten.

    Raises InvalidSetting for another suffix, OutputExists.
    """
    rows = [
        {"name": each.name, "noun": each.noun or "", "picture": picture.file, "mask": picture.mask or ""}
        for each in plan.subjects
        for picture in each.pictures
    ]
    text = _as_json(rows) if _is_json(out) else _as_csv(rows)
    try:
        with staged_file(out) as staged:
            staged.write_text(text, encoding="utf-8", newline="")
    except FileExistsError as error:
        raise OutputExists(f"{out} is already there.", "Give another name.") from error
    return out


def require_free(out: Path) -> None:
    """Raise InvalidSetting or OutputExists if a table cannot be written under this name."""
    _is_json(out)
    if out.exists():
        raise OutputExists(f"{out} is already there.", "Give another name.")


def _is_json(path: Path) -> bool:
    suffix = path.suffix.lower()
    if suffix not in (".csv", ".json"):
        raise InvalidSetting(f"{path} is no name for a table.", "Give a name that ends in .csv or .json.")
    return suffix == ".json"


def _as_json(rows: list[Row]) -> str:
    return json.dumps({"format": FORMAT, "pictures": rows}, ensure_ascii=False, indent=2) + "\n"


def _as_csv(rows: list[Row]) -> str:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, COLUMNS)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def take_table(found: Finding, path: Path) -> None:
    """Take the subjects of a table. Raises BundleRefused if the table cannot be read."""
    found.layout = f"the table {path.name}"
    subjects: dict[str, list[Row]] = {}
    for number, row in enumerate(_read(path), start=1):
        if not row["name"]:  # without a name the picture is not wanted
            continue
        if fault := _fault(found, row):
            found.faults.append(Fault(f"{path.name}, row {number}", fault))
        else:
            subjects.setdefault(row["name"], []).append(row)
    found.masks = Masks(unnamed=found.masks.unnamed)  # only the table says which files are masks
    for row in (row for rows in subjects.values() for row in rows if row["mask"]):
        found.masks.pair(found.tree.root / row["picture"], found.tree.root / row["mask"])
    for name, rows in subjects.items():
        pictures = [found.tree.root / row["picture"] for row in rows]
        found.take(name, _noun(rows, path.name), pictures, pictures[0].parent)


def _noun(rows: list[Row], table: str) -> GuessedNoun:
    nouns = list(dict.fromkeys(row["noun"] for row in rows if row["noun"]))
    if len(nouns) == 1:
        return GuessedNoun(nouns[0], f"the table {table}")
    return GuessedNoun(None, f"the table says {', '.join(map(repr, nouns))}" if nouns else "the table says none")


def _fault(found: Finding, row: Row) -> str | None:
    for key in ("picture", "mask"):
        path = found.tree.root / row[key]
        if key == "mask" and not row[key]:
            continue
        if not path.is_file():
            return f"names the {key} {row[key]!r}, which is no file"
        if real := outside(path, found.tree.root):
            return f"names the {key} {row[key]!r}, which is outside the folder, at {real}"
    return None


def _read(path: Path) -> Iterator[Row]:
    try:
        text = read_small(path, MAX_BYTES).decode("utf-8-sig")
        rows = _json_rows(path, text) if _is_json(path) else _csv_rows(text)
        return iter([_row(each) for each in rows])
    except (OSError, ValueError, csv.Error) as error:
        why = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise BundleRefused(f"{path} cannot be read as a table: {why}.", REMEDY) from error


def _json_rows(path: Path, text: str) -> list[Any]:
    said = parse_json(text)
    if not isinstance(said, dict) or not isinstance(said.get("pictures"), list):
        raise ValueError("it has no list of pictures")
    if (number := format_of(said)) > FORMAT:
        raise BundleRefused(too_new(str(path), number, FORMAT), UPDATE)
    return list(said["pictures"])


def _csv_rows(text: str) -> list[Any]:
    """Return the rows of a CSV table. Spreadsheets write commas, semicolons or tabs."""
    head = text.partition("\n")[0]
    delimiter = max(",;\t", key=head.count)
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter)
    if not {"name", "picture"} <= {*(reader.fieldnames or ())}:
        raise ValueError("its first line has no name or no picture")
    return list(reader)


def _row(value: Any) -> Row:
    if not isinstance(value, Mapping) or not {"name", "picture"} <= {*value}:
        raise ValueError(f"a row has no {' or no '.join(('name', 'picture'))}")
    row = {key: (value.get(key) or "") for key in COLUMNS}
    if not all(isinstance(each, str) for each in row.values()):
        raise ValueError("a row has a value that is no text")
    return {key: each.strip() for key, each in row.items()}
