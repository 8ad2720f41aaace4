"""Values that are not of their column's type, and rows that contradict values derived from them."""

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from typing import Any

from concepts.models import Base
from concepts.names import name_key, shown
from concepts.records import DatabaseFault, ImageRecord, manifest

_TYPES = {
    "INT": "typeof({0}) = 'integer'",
    "DATETIME": "typeof({0}) = 'text' AND {0} GLOB '????-??-?? ??:??:??*' AND datetime({0}) IS NOT NULL",
    "JSON": "typeof({0}) = 'text' AND json_valid({0})",
    "BLOB": "typeof({0}) = 'blob'",
    "": "typeof({0}) = 'text'",
}
"""By the beginning of a column's type: the condition that a value of it meets."""


def value_faults(connection: sqlite3.Connection) -> Iterator[DatabaseFault]:
    """Iterate over values that are not of their column's type: SQLite stores any value in any column."""
    present = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    for table in sorted(present & Base.metadata.tables.keys()):
        for _, column, declared, *_ in connection.execute(f"PRAGMA table_info({table})").fetchall():
            right = next(said for kind, said in _TYPES.items() if str(declared).upper().startswith(kind))
            wrong = f"SELECT count(*) FROM {table} WHERE {column} IS NOT NULL AND NOT ({right.format(column)})"
            if count := connection.execute(wrong).fetchone()[0]:
                what = f"{count} {'value' if count == 1 else 'values'} of the column {column} of {table}"
                yield DatabaseFault(f"{what} cannot be read as {str(declared).lower()}")


def row_faults(execute: Callable[[str], Iterable[Any]]) -> Iterator[DatabaseFault]:
    """Iterate over names that do not match their keys, and over versions that do not match their manifests.

    Args:
        execute: runs a query without parameters and returns its rows.
    """
    for table in ("libraries", "concepts"):
        for row, name, key in list(execute(f"SELECT id, name, name_key FROM {table}")):
            if name_key(name) != key:
                yield DatabaseFault(f"the name in row {row} of {table}, {shown(name)}, does not match its key")
    for row, sha, file_name in list(execute("SELECT id, sha256, file_name FROM adapters")):
        if file_name != f"{sha}.safetensors":
            yield DatabaseFault(f"the file name of adapter {row} is damaged")
    shown_in = list(execute("SELECT version_id, image_sha, mask_sha FROM version_images ORDER BY version_id, position"))
    held = {version: list(rows) for version, rows in groupby(shown_in, key=lambda row: row[0])}
    for row, noun, said in list(execute("SELECT id, noun, manifest FROM concept_versions")):
        images = [ImageRecord(image, mask, 0, 0, "", ()) for _, image, mask in held.get(row, ())]
        if manifest(noun, images) != said:
            yield DatabaseFault(f"the noun or the images of version {row}, {shown(noun)}, do not match its manifest")
