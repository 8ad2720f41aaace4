"""Hashes of what scores are of: prompts, photographs, pictures of other programs. Rows have only their keys."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from concepts.durable import file_sha256
from lambda_studio.workflows.benchmarks.results.cells import Cell
from lambda_studio.workflows.benchmarks.results.differing import PHOTOGRAPHS, PICTURES, PROMPTS
from lambda_studio.workflows.benchmarks.subjects import BenchSubject


def contents(cells: Iterable[Cell], subjects: Mapping[str, BenchSubject]) -> dict[str, Any]:
    """Return the hashes of a benchmark's prompts and photographs. Raises OSError."""
    return {
        PROMPTS: _sha256([[cell.key, cell.subjects, cell.prompt, cell.text] for cell in cells]),
        PHOTOGRAPHS: {name: _of_subject(each) for name, each in subjects.items()},
    }


def contents_of_pictures(pictures: Mapping[str, Iterable[Path]]) -> dict[str, str]:
    """Return the hash of another program's pictures, given by the keys of their cells. Raises OSError."""
    return {PICTURES: _sha256({key: list(map(file_sha256, paths)) for key, paths in pictures.items()})}


def _of_subject(subject: BenchSubject) -> str:
    return _sha256([list(map(file_sha256, subject.photographs)), subject.photographs.index(subject.one)])


def _sha256(value: Any) -> str:
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()
