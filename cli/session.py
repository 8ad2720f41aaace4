"""What the global options say, and the Studio that they open."""

import dataclasses
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from lambda_studio.studio import DatabaseUpkeep, Studio


ANSWER_FORMAT = 1
"""Of what `--json` prints: within a number keys are added, and never taken away or changed."""


@dataclass
class Session:
    """One call of `studio`: its global options, wherever on the line they stood."""

    home: Path | None = None
    database: str | None = None
    library: str | None = None
    stack: str | None = None
    debug: bool = False
    json: bool = False
    command: click.Command | None = None
    """The innermost command that was called."""

    def studio(self) -> "Studio":
        """Open the studio that the global options name; close it by leaving the `with`."""
        from cli.progress import bars
        from lambda_studio.studio import Studio

        return Studio(self.home, self.library, self.stack, notify=notice, progress=bars(), database=self.database)

    def upkeep(self) -> "DatabaseUpkeep":
        """The database that the global options name, as such: it need not be sound."""
        from lambda_studio.studio import Studio

        return Studio.upkeep(self.home, self.database)

    def show(self, value: Any, lines: Callable[[], Iterable[str]]) -> None:
        """Print `value` as JSON where `--json` was given, and `lines()` otherwise."""
        if self.json:
            click.echo(json.dumps(numbered(plain(value)), ensure_ascii=False, indent=2))
        else:
            for line in lines():
                click.echo(line)


def given(**settings: Any) -> dict[str, Any]:
    """Return the options that were given: the others are None."""
    return {name: value for name, value in settings.items() if value is not None}


def notice(text: str) -> None:
    """Tell the person something that is not the answer: on stderr."""
    click.echo(text, err=True)


def plain(value: Any) -> Any:
    """A value that `json` can write, from dataclasses, paths, dates and containers of them."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item) for item in value]
    if isinstance(value, Path):
        return str(value)
    return value.isoformat() if isinstance(value, date) else value


def numbered(answer: Any) -> Any:
    """Put the format's number into an answer, or into each object of a list of them."""
    if isinstance(answer, list):
        return [numbered(each) for each in answer]
    return {"format": ANSWER_FORMAT, **answer} if isinstance(answer, dict) else answer


pass_session = click.make_pass_decorator(Session, ensure=True)
