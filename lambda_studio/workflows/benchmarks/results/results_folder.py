"""The folder of an evaluation: what it is about, its pictures, and the scores of each picture. It can be resumed.

evaluation.json   what was evaluated, how, with which versions
table.json        the finished table, if the evaluation is a benchmark
scores.jsonl      one line for each picture that is drawn and scored
scores.1.jsonl    those of a second process, and so on
pictures/         the pictures
"""

import json
import platform
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from concepts.durable import make_folder, read_small, staged_file, sync_file
from lambda_studio.config import require
from lambda_studio.errors import InvalidSetting
from lambda_studio.formats import FORMAT, format_of, parse_json, too_new
from lambda_studio.workflows.benchmarks.results.differing import SAID, differences, listed, require_same_contents

ABOUT, SCORES, PICTURES = "evaluation.json", "scores.jsonl", "pictures"
EXPECTED, NOTES, REFERENCES = "pictures", "notes", "references"
"""Facts of `evaluation.json` that follow from others: how many pictures a complete evaluation has, what must be read
with its scores, and the number of photographs that pictures of each subject are compared with."""
OTHERS = "scores.*.jsonl"
"""The files of scores of further processes."""
OF_SEED = "-seed-"
"""Between a claim's key and the seed in the names of the files of `studio evaluate paper`."""
KNOWN_FORMAT = 1
LARGEST = 2**28
"""The maximum bytes of a file of scores that is read."""
HIGHEST = 1e12
"""The highest score. Numbers beyond are a fault, such as infinity."""
LIBRARIES = ("lambda-studio", "torch", "diffusers", "open_clip_torch", "timm")
Value = str | int | float | bool | None


@dataclass(frozen=True)
class Row:
    """The scores of one picture."""

    key: str
    """What distinguishes the picture in its evaluation, such as `dog6/03/2`. The picture is `pictures/KEY.png`."""
    subjects: tuple[str, ...]
    prompt: str
    seed: int
    scores: Mapping[str, float]
    """By metric."""
    by_subject: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """By subject and metric, of pictures with several subjects."""
    facts: Mapping[str, Value] = field(default_factory=dict)
    """What the evaluation groups its pictures by, such as the number of the prompt."""


class ResultsFolder:
    """A folder with an evaluation's results, of which every row that was added survives a stop."""

    def __init__(self, out: Path):
        self.out = Path(out)

    def begin(self, about: Mapping[str, Any]) -> dict[str, Row]:
        """Say what is evaluated, or resume, and return the rows that are there, by key.

        Raises InvalidSetting if the folder has another evaluation, or other things.
        """
        told = {FORMAT: KNOWN_FORMAT, **about, "versions": versions()}
        if not (self.out / ABOUT).exists():
            if self.out.exists() and any(self.out.iterdir()):
                raise InvalidSetting(f"{self.out} has other files.", "Give a new folder with out.", "out")
            make_folder(self.out / PICTURES)
            with staged_file(self.out / ABOUT) as path:
                path.write_text(json.dumps(told, indent=1, ensure_ascii=False), encoding="utf-8")
            return {}
        self._require_same(self.about(), json.loads(json.dumps(about)))
        make_folder(self.out / PICTURES)
        return self.rows()

    def _require_same(self, before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
        name, new = before.get("name"), now.get("name")
        cause = f"{self.out} has an evaluation of {name}, and this one is of {new}."
        require(name == new, cause, "Give a new folder with out.", "out")
        apart = (FORMAT, "versions", EXPECTED, NOTES, REFERENCES, *SAID)
        keys = [key for key in dict.fromkeys([*now, *before]) if key not in apart]
        found = [each for key in keys for each in differences(before.get(key), now.get(key), key)]
        cause = f"{self.out} has an evaluation with other settings: {listed(found, '{0} {1}, now {2}')}."
        require(not found, cause, "Give a new folder with out, or the same settings to go on.", "out")
        require_same_contents(self.out, before, now)

    def about(self) -> dict[str, Any]:
        """Return what was evaluated. Raises InvalidSetting if the folder has no evaluation, or a newer one."""
        try:
            said = parse_json(read_small(self.out / ABOUT, LARGEST))
            number = format_of(said)
        except (OSError, ValueError, AttributeError) as error:
            raise InvalidSetting(self._why_none(error), self._remedy()) from error
        if number > KNOWN_FORMAT:
            raise InvalidSetting(too_new(str(self.out / ABOUT), number, KNOWN_FORMAT), "Update λ-Studio.")
        return dict(said)

    def _why_none(self, error: Exception) -> str:
        if not self.out.is_dir():
            return f"{self.out} has no evaluation: there is no such folder."
        if isinstance(error, FileNotFoundError):
            instead = "measurements of the paper's claims" if self._measurements() else f"no {ABOUT}"
            return f"{self.out} has no evaluation: it has {instead}."
        return f"{self.out} has no evaluation ({getattr(error, 'strerror', None) or error})."

    def _remedy(self) -> str:
        """Say where the pages of a folder of claims are, or what to give."""
        claims = dict.fromkeys(path.name.partition(OF_SEED)[0] for path in self._measurements())
        pages = [str(path) for path in (self.out / f"{claim}.md" for claim in claims) if path.is_file()]
        if pages:
            return f"Read the pages of the claims: {', '.join(pages)}."
        return "Write their pages: studio evaluate paper CLAIM" if claims else f"Give a folder with {ABOUT}."

    def _measurements(self) -> list[Path]:
        """Return the files of `studio evaluate paper`, if the folder has no evaluation."""
        return [] if (self.out / ABOUT).exists() else sorted(self.out.glob(f"*{OF_SEED}*.json"))

    def rows(self) -> dict[str, Row]:
        """Return the rows of pictures that are there, by key. A line that was cut off by a stop is left out."""
        found = [row for path in (self.out / SCORES, *sorted(self.out.glob(OTHERS))) for row in _rows(path)]
        return {row.key: row for row in found if self.picture(row.key).is_file()}

    def picture(self, key: str) -> Path:
        """Return where the picture of a key is."""
        return self.out / PICTURES / f"{key}.png"

    @contextmanager
    def adding(self, process: int = 0) -> Iterator["RowWriter"]:
        """Yield a writer of rows. A line that was cut off before is removed first.

        Args:
            process: the number of this process, if several work on the evaluation: each has a file of its own.
        """
        path = self.out / (OTHERS.replace("*", str(process)) if process else SCORES)
        whole = b"".join(line + b"\n" for line in read_small(path, LARGEST).split(b"\n")[:-1]) if path.exists() else b""
        with staged_file(path, replace=True) as staged:
            staged.write_bytes(whole)
        with path.open("a", encoding="utf-8") as file:
            yield RowWriter(file, path)
        sync_file(path)


@dataclass(frozen=True)
class RowWriter:
    """Appends rows to a file of scores."""

    file: Any
    path: Path

    def add(self, row: Row) -> None:
        """Write a row. Its picture has been written before."""
        self.file.write(json.dumps(asdict(row), ensure_ascii=False) + "\n")
        self.file.flush()


def versions() -> dict[str, str]:
    """Return the versions of Python and of the libraries that change pictures or scores."""
    return {"python": platform.python_version(), **{name: version(name) for name in LIBRARIES}}


def _rows(path: Path) -> list[Row]:
    """Return the rows of a file, without a last line that was cut off."""
    lines = read_small(path, LARGEST).split(b"\n") if path.exists() else [b""]
    return [_row(line, path, number) for number, line in enumerate(lines[:-1], start=1) if line.strip()]


def _row(line: bytes, path: Path, number: int) -> Row:
    try:
        said = parse_json(line)
        row = Row(**{**said, "subjects": tuple(said["subjects"])})
        if not isinstance(row.key, str) or ".." in Path(row.key).parts or Path(row.key).is_absolute():
            raise ValueError("its key is not a name")
        _require_plain(row)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        cause = f"Line {number} of {path} is no row of scores ({error})."
        raise InvalidSetting(cause, "Bring the file back from a backup, or evaluate into a new folder.") from error
    return row


def _require_plain(row: Row) -> None:
    """Raise ValueError for a row whose fields are not of their types, or whose scores are not finite numbers."""
    scores = [row.scores, *row.by_subject.values()]
    for value in (value for each in scores for value in each.values()):
        if type(value) not in (int, float) or not abs(value) <= HIGHEST:
            raise ValueError("a score is not a number")
    if not all(isinstance(text, str) for text in (row.prompt, *row.subjects)) or type(row.seed) is not int:
        raise ValueError("its prompt, subjects or seed are not of their types")
