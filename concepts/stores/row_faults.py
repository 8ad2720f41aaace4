"""Rows that contradict values derived from them, in any database."""

from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from typing import Any

from concepts.names import name_key, shown
from concepts.records import DatabaseFault, ImageRecord, manifest


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
