"""The global options, and the Studio that they select."""

import dataclasses
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.screen.confirm import confirmed
from cli.screen.spelling import option_names, with_values
from cli.screen.terminal import notice, say, say_json

if TYPE_CHECKING:
    from lambda_studio.studio import DatabaseUpkeep, Studio


ANSWER_FORMAT = 1
"""The format number of `--json` answers. Within a format, keys are only added, never removed or changed."""


@dataclass
class Session:
    """One call of `studio` and its global options."""

    home: Path | None = None
    database: str | None = None
    library: str | None = None
    stack: str | None = None
    debug: bool = False
    json: bool = False
    json_lines: bool = False
    """Whether each answer in JSON is one line."""
    yes: bool = False
    """Whether models may be downloaded to a machine without a GPU without a question."""
    device: str | None = None
    precision: str | None = None
    given: dict[str, Any] = field(default_factory=dict)
    """The global options of the command line, by their names. The environment's are not among them."""
    context: click.Context | None = None
    """The call of the innermost command."""

    in_file: frozenset[str] = frozenset()
    """The settings that a `--config` file gives. Errors name them as the file does."""
    config_file: Path | None = None
    """The `--config` file."""

    @property
    def command(self) -> click.Command | None:
        """The innermost command that was called."""
        return self.context.command if self.context else None

    def studio(self) -> "Studio":
        """Open the studio that the global options select. Use it in a `with`, which closes it."""
        from cli.screen.progress import bars
        from lambda_studio.studio import Studio

        studio = Studio(
            self.home, self.library, self.stack, notify=self.notify, progress=bars(), database=self.database
        )
        studio.ask_before_download(lambda question: confirmed(question, self.yes))
        if self.device or self.precision:
            studio.run_on(self.device, self.precision)
        return studio

    def notify(self, text: str) -> None:
        """Print a notice of the library, with `--option value` in place of the `setting=value` of no file."""
        names = {name: option for name, option in option_names(self.command).items() if name not in self.in_file}
        notice(with_values(text, names))

    def upkeep(self) -> "DatabaseUpkeep":
        """Return the maintenance of the database that the global options select. The database may be damaged."""
        from lambda_studio.studio import Studio

        return Studio.upkeep(self.home, self.database)

    def show(self, value: Any, lines: Callable[[], Iterable[str]]) -> None:
        """Print `value` as JSON with `--json`, otherwise `lines()`."""
        if self.json:
            say_json(numbered(plain(value)), self.json_lines)
        else:
            for line in lines():
                say(line)


def given(**settings: Any) -> dict[str, Any]:
    """Return the given options: all that are not None."""
    return {name: value for name, value in settings.items() if value is not None}


def plain(value: Any) -> Any:
    """Convert dataclasses, paths, dates and containers of them to values that `json` can write."""
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
    """Add the format number to an answer, or to each object of a list. None of them may have a field `format`."""
    if isinstance(answer, list):
        return [numbered(each) for each in answer]
    if not isinstance(answer, dict):
        return answer
    assert "format" not in answer, "a field of the answer would replace the format number"
    return {"format": ANSWER_FORMAT, **answer}


pass_session = click.make_pass_decorator(Session, ensure=True)
