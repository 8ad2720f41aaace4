"""The facts of an evaluation as tables: its protocol, what was evaluated, its settings, its versions."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lambda_studio.formats import FORMAT
from lambda_studio.settings.written import written
from lambda_studio.workflows.benchmarks.results.results_folder import NOTES

LONGEST = 1000
"""The most characters of a fact that are shown."""
DEEPEST = 4
"""How deep nested facts are shown."""
APART = ("name", "protocol", "versions", NOTES, FORMAT)
"""Facts that have their own part of the page."""
Table = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Facts:
    """What `evaluation.json` says, in the order of the file."""

    name: str
    protocol: Table
    evaluated: Table
    settings: Mapping[str, Table]
    """Facts that have several values each, by name."""
    versions: Table


def facts_of(about: Mapping[str, Any]) -> Facts:
    """Return an evaluation's facts as tables of names and texts. Long texts are cut."""
    other = {name: value for name, value in about.items() if name not in APART and value != {}}
    groups = {name: value for name, value in other.items() if _has_parts(value)}
    return Facts(
        name=_text(about.get("name", "evaluation")),
        protocol=_table("protocol", about.get("protocol")),
        evaluated=tuple((cut(name), _text(value)) for name, value in other.items() if name not in groups),
        settings={cut(name): _table(name, value) for name, value in groups.items()},
        versions=_table("versions", about.get("versions")),
    )


def cut(text: str, longest: int = LONGEST) -> str:
    """Return a text with at most `longest` characters and an ellipsis."""
    return text if len(text) <= longest else f"{text[:longest]}…"


def _has_parts(value: Any) -> bool:
    return isinstance(value, Mapping) or (isinstance(value, list) and any(isinstance(each, Mapping) for each in value))


def _table(name: str, value: Any) -> Table:
    if value is None:
        return ()
    if not _has_parts(value):
        return ((name, _text(value)),)
    return tuple((cut(path), _text(each)) for path, each in _leaves("", value, DEEPEST))


def _leaves(path: str, value: Any, depth: int) -> Iterator[tuple[str, Any]]:
    if not _has_parts(value):
        yield path, value
        return
    if not depth:
        yield path, "…"
        return
    named = value.items() if isinstance(value, Mapping) else enumerate(value, start=1)
    for name, each in named:
        yield from _leaves(f"{path}.{name}" if path else str(name), each, depth - 1)


def _text(value: Any) -> str:
    flat = isinstance(value, list) and all(not isinstance(each, list | Mapping) for each in value)
    shown = value if flat or not isinstance(value, list | Mapping) else f"{len(value)} values"
    return cut(written(shown))
