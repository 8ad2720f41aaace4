"""Foreign text reaches the terminal escaped, and JSON exact."""

import io
import json
import sys
import zipfile
from pathlib import Path

import pytest

from cli.screen.terminal import in_lines, notice, warn

EVIL = "\x1b[2Jx\u202ey"


def hidden(text: str) -> set[str]:
    return {each for each in text if not each.isprintable()} - {"\n"}


def test_names_of_files_and_paths_in_errors_are_escaped(studio, photos, tmp_path: Path) -> None:
    photo = photos[0].rename(tmp_path / f"{EVIL}\nAdded root (dog).png")
    added = studio("add-concept", "rex", photo, "--noun", "dog", "--segment", "none")
    assert added.code == 0
    said = [added, studio("concepts", "show", "rex"), studio("concepts", "show", f"{EVIL}\nx")]
    said += [studio("db", "restore", f"{EVIL}.sqlite3", "--yes"), studio("generate", "a", "--out", f"{EVIL}.jpg")]
    said += [studio("concepts", "--library", f"{EVIL}\nx"), studio("library", "import", f"{EVIL}\nx")]
    assert [hidden(each.out + each.err) for each in said] == [set()] * len(said)
    assert r"\x1b[2Jx\u202ey\nAdded root (dog).png" in said[1].out
    assert not any(line.startswith("Added root") for each in said for line in (each.out + each.err).splitlines())


def test_json_is_exact_and_shows_nothing_hidden(studio, photos, tmp_path: Path) -> None:
    studio("add-concept", "rex", *photos, "--noun", "dog", "--segment", "none")
    out = tmp_path / f"{EVIL}.zip"
    answer = studio("library", "export", "--out", out, "--json")
    assert hidden(answer.out) == set()
    assert json.loads(answer.out)["path"] == str(out)


@pytest.mark.parametrize(("field", "value"), [("source_name", EVIL), ("source_name", "\0"), ("warnings", ["a\nb"])])
def test_a_bundle_with_control_characters_is_refused(studio, photos, tmp_path: Path, field: str, value) -> None:
    studio("add-concept", "rex", *photos, "--noun", "dog", "--segment", "none")
    studio("library", "export", "--out", tmp_path / "rex.zip")
    with zipfile.ZipFile(tmp_path / "rex.zip") as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    manifest = json.loads(entries["manifest.json"])
    manifest["concepts"][0]["images"][0][field] = value
    entries["manifest.json"] = json.dumps(manifest).encode()
    with zipfile.ZipFile(tmp_path / "evil.zip", "w") as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
    answer = studio("library", "import", tmp_path / "evil.zip")
    assert answer.code == 5
    assert f"{field} is not a " in answer.err and "without control characters" in answer.err


def test_lines_that_a_message_has_go_on_indented() -> None:
    assert in_lines("a:\n  - b\x1b\n  - c\nd") == "a:\n  - b\\x1b\n  - c\\nd"


class Full(io.StringIO):
    """A stream of a disk that is full."""

    def write(self, text: str) -> int:
        raise OSError(28, "No space left on device")


def test_a_stderr_that_cannot_be_written_changes_no_exit_code(studio, monkeypatch) -> None:
    monkeypatch.setattr(sys, "stderr", Full())
    notice("a")
    warn("b")
    assert studio("concepts", "show", "nix").code == 3
