"""A report's page: one HTML file that needs nothing outside of it and runs no script."""

import hashlib
import os
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from itertools import count
from pathlib import Path
from typing import Any

from jinja2 import Environment, FunctionLoader
from markupsafe import Markup

from concepts.durable import make_folder, read_small, staged_file
from concepts.printable import printable
from lambda_studio.config import require
from lambda_studio.errors import OutputExists
from lambda_studio.evaluation.statistics import FEWEST
from lambda_studio.workflows.benchmarks.reports.facts import cut
from lambda_studio.workflows.benchmarks.results.results_folder import ABOUT, LARGEST, ResultsFolder

ENDS = (".html", ".htm")
LARGEST_PAGE = 2**27
"""The most bytes of a page that may be an earlier report."""
MARK = "lambda-studio-report"
"""The name of the element that says of which evaluations a page is a report."""
LONGEST_PROMPT = 300


def render(template: str, identity: str, **values: Any) -> str:
    """Return a page. Texts are escaped, also characters that are invisible or change the direction of writing."""
    page = _environment().get_template(template)
    return page.render(mark=MARK, identity=identity, fewest=FEWEST, version=version("lambda-studio"), **values)


def identity_of(*folders: ResultsFolder) -> str:
    """Return the SHA-256 that tells reports of these evaluations from all others."""
    hashes = [hashlib.sha256(read_small(folder.out / ABOUT, LARGEST)).hexdigest() for folder in folders]
    return hashes[0] if len(hashes) == 1 else hashlib.sha256(" ".join(hashes).encode()).hexdigest()


def place_of(out: Path, name: str) -> Path:
    """Return the path of a page that is written at `out`: a file's name, or a folder that is there.

    Raises InvalidSetting for a name that is not a page's.
    """
    path = out / name if out.is_dir() else out
    require(path.suffix.lower() in ENDS, f"{out} does not name a page.", "Give a name that ends in .html.", "out")
    return path


def write_page(page: str, path: Path, identity: str) -> Path:
    """Write a page, and return its path. An earlier report of the same is replaced; else the first free name is taken.

    Raises OutputExists if a file has the name of the folder.
    """
    try:
        make_folder(path.parent)
    except (FileExistsError, NotADirectoryError) as error:
        raise OutputExists(f"{path.parent} is not a folder.", "Give another name with --out.") from error
    for each in _names(path):
        replaced = os.path.lexists(each)
        if replaced and not _is_earlier(each, identity):
            continue
        with suppress(FileExistsError):  # another process wrote this name first
            with staged_file(each, replace=replaced) as staged:
                staged.write_text(page, encoding="utf-8")
            return each
    raise AssertionError("unreachable: numbers do not end")


def _names(path: Path) -> Iterator[Path]:
    yield path
    yield from (path.with_stem(f"{path.stem}-{number}") for number in count(2))


def _is_earlier(path: Path, identity: str) -> bool:
    try:
        content = read_small(path, LARGEST_PAGE)
    except OSError:
        return False
    return f'<meta name="{MARK}" content="{identity}">'.encode() in content[:2000]


@cache
def _environment() -> Environment:
    made = Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, loader=FunctionLoader(_template), finalize=_shown
    )
    made.filters |= {"score": _score, "signed": _signed, "prompt": lambda text: cut(text, LONGEST_PROMPT)}
    return made


def _template(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


def _shown(value: Any) -> Any:
    return printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _score(value: float) -> str:
    return f"{value:.4f}" if abs(value) < 1000 else f"{value:,.1f}"


def _signed(value: float) -> str:
    return f"{value:+.4f}" if abs(value) < 1000 else f"{value:+,.1f}"
