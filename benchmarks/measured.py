"""Keep measured numbers in docs/measured.json, and insert them into README, model card and docs.

    python benchmarks/measured.py    # or: make measured

A benchmark writes its numbers with `--record`. In Markdown, a comment names the numbers directly before it:
`0.91 ± 0.01<!-- measured: miniature.zero-shot main -->`. In a table, the comment in a row's last cell names all numbers
of the row. The first word is the path in the JSON, the others are the keys. The text's decimals, sign and ± stay.
"""

import argparse
import hashlib
import json
import os
import platform
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

ROOT = Path(__file__).parents[1]
MEASURED = ROOT / "docs" / "measured.json"
TEXTS = [ROOT / "README.md", ROOT / "lambda_studio/miniature/weights/MODEL_CARD.md", *sorted(ROOT.glob("docs/*.md"))]
"""The files with measured numbers. Decisions are dated records, whose numbers stay."""
ABOUT = ("command", "date", "commit", "machine", "unit")
"""The keys of every measurement, beside its `values` or the file that they are `from`."""

MARK = re.compile(r"<!-- measured: (\S+) (.+?) -->")
NUMBER = re.compile(r"(?<![\w.,])[+-]?\d[\d,]*(?:\.\d+)?(?:\s±\s[\d.,]*\d)?")


def add_record_option(parser: argparse.ArgumentParser) -> None:
    """Add `--record` to a benchmark's options."""
    parser.add_argument("--record", action="store_true", help="write the measurements to docs/measured.json")


def record(name: str, unit: str, values: Mapping[str, Any]) -> None:
    """Write one benchmark's values under `name`: numbers or `{"mean": ..., "spread": ..., "values": [...]}`."""
    script, spec = Path(sys.argv[0]).resolve(), sys.modules["__main__"].__spec__
    called = ["-m", spec.name] if spec and spec.origin == str(script) else [str(script.relative_to(ROOT))]
    command = shlex.join(["python", *called, *sys.argv[1:]])
    _write(_read() | {name: {"command": command, **_now(), "unit": unit, "values": values}})


def over_seeds(values: Sequence[float]) -> dict[str, Any]:
    """Return the mean and standard deviation of the values of all seeds or rounds, with the values."""
    spread = stdev(values) if len(values) > 1 else 0.0
    return {"mean": round(fmean(values), 4), "spread": round(spread, 4), "values": [round(each, 4) for each in values]}


def load() -> dict[str, dict[str, Any]]:
    """Return every measurement by name, including values from other files."""
    return {name: _values(entry) for name, entry in _read().items()}


def render(text: str, measured: Mapping[str, Mapping[str, Any]]) -> str:
    """Return a Markdown text with the measured numbers inserted.

    Raises ValueError if a mark begins a line, has too few numbers before it, or names an unknown measurement.
    """
    if begun := re.search(r"^\s*<!-- measured: .*", text, re.MULTILINE):
        raise ValueError(f"{begun[0].strip()}: a line that begins with a comment is not a paragraph in Markdown.")
    filled = []
    for before, path, names in _pieces(text):
        for number, name in reversed(list(zip(_numbers(before, names), names.split(), strict=True))):
            shown = _like(number[0], _find(measured, path, name))
            before = before[: number.start()] + shown + before[number.end() :]
        filled += [before, f"<!-- measured: {path} {names} -->"]
    return "".join([*filled, MARK.split(text)[-1]])


def unmarked(text: str) -> list[str]:
    """Return each number with a spread but without a mark: a measurement that was copied by hand."""
    rest = [before[: _numbers(before, names)[0].start()] for before, _, names in _pieces(text)]
    return re.findall(r"[\d.]+\s±\s[\d.]+", "\n".join([*rest, MARK.split(text)[-1]]))


def _pieces(text: str) -> Iterator[tuple[str, str, str]]:
    """Yield each mark's path and names, after the text between the previous mark and it."""
    pieces = MARK.split(text)
    yield from zip(pieces[:-1:3], pieces[1::3], pieces[2::3], strict=True)


def _numbers(before: str, names: str) -> list[re.Match[str]]:
    """Return as many numbers from the end of a text as there are names."""
    numbers = list(NUMBER.finditer(before))[-len(names.split()) :]
    if len(numbers) < len(names.split()):
        raise ValueError(f"There are too few numbers before the mark of {names}.")
    return numbers


def _find(measured: Mapping[str, Any], path: str, name: str) -> Any:
    """Return a number, or a mapping with its mean and spread."""
    found: Any = measured
    for key in (*path.split("."), name):
        if not isinstance(found, Mapping) or key not in found:
            raise ValueError(f"docs/measured.json has no {path} {name}.")
        found = found[key]
    if isinstance(found, Mapping) and not {"mean", "spread"} <= found.keys():
        raise ValueError(f"docs/measured.json has numbers below {path} {name}, and none of its own.")
    return found


def _like(shown: str, value: Any) -> str:
    """Format a value like the present number: its decimals, plus sign and spread."""
    mean, *spread = [value["mean"], value["spread"]] if isinstance(value, Mapping) else [value]
    decimals = len(shown.split()[0].partition(".")[2])
    sign = "+" if shown[0] in "+-" else "-"
    spreads = [f" ± {each:,.{decimals}f}" for each in spread if "±" in shown]
    return "".join([f"{mean:{sign}z,.{decimals}f}", *spreads])


def _values(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return a measurement's values, from its entry or from another file."""
    if "values" in entry:
        return entry["values"]
    return json.loads((ROOT / entry["from"]).read_text(encoding="utf-8"))["figures"]


def _now() -> dict[str, str]:
    """Return the date, commit and machine of a measurement."""
    torch = sys.modules.get("torch")
    gpu = f", {torch.cuda.get_device_name()}" if torch and torch.cuda.is_available() else ""
    system = f"{platform.system()} {platform.release().split('-')[0]}, Python {platform.python_version()}"
    changed = _git("status", "--porcelain", "--untracked-files=no", "--", ".", ":!docs/measured.json")
    commit = _git("rev-parse", "--short", "HEAD") + ("-dirty" if changed else "")
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "commit": commit,
        "machine": f"{os.cpu_count()} cores{gpu}, {system}",
    }


def _git(*words: str) -> str:
    return subprocess.run(["git", *words], cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()


def _read() -> dict[str, dict[str, Any]]:
    return json.loads(MEASURED.read_text(encoding="utf-8"))


def _write(entries: Mapping[str, Any]) -> None:
    MEASURED.write_text(json.dumps(entries, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _sha256(entry: Mapping[str, Any]) -> str:
    return hashlib.sha256((ROOT / entry["from"]).read_bytes()).hexdigest()


def stale() -> list[str]:
    """Return the measurements with values in another file that has changed since."""
    return [name for name, entry in _read().items() if "from" in entry and entry["sha256"] != _sha256(entry)]


def main() -> None:
    """Update the entries of changed files, and rewrite every text."""
    entries = _read()
    for name in stale():
        entries[name] |= {**_now(), "sha256": _sha256(entries[name])}
    _write(entries)
    for path in TEXTS:
        path.write_text(render(path.read_text(encoding="utf-8"), load()), encoding="utf-8")


if __name__ == "__main__":
    main()
