"""Texts of strangers in every place where one can come from, and what of them reaches the terminal."""

import json
import os
import shutil
import unicodedata
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.reliability.attack_cases import start
from tests.reliability.world import World

TEXTS = (
    "\x1b[2J\x1b]0;owned\x07",
    "x\nAdded root (dog)",
    "a\u202eb\u2066c",
    "\x9b31mred",
    "a\u2028b\x85c",
    "a\rb\x08\x7fc",
    "\udcff\udc80",
)


def _photo(place: Path, text: str) -> list[str]:
    shutil.copy(place / "photo3.png", place / f"{text}.png")
    return ["add-concept", "fido", f"{text}.png", "--noun", "dog", "--segment", "none"]


def _broken_photo(place: Path, text: str) -> list[str]:
    (place / f"{text}.png").write_bytes(b"half")
    return ["add-concept", "fido", f"{text}.png", "--noun", "dog"]


def _folder(place: Path, text: str) -> list[str]:
    (folder := place / "set" / text).mkdir(parents=True)
    shutil.copy(place / "photo3.png", folder)
    (folder / f"{text}.txt").write_text("x")
    return ["library", "import", "set"]


def _bundle(field: str) -> Callable[[Path, str], list[str]]:
    def write(place: Path, text: str) -> list[str]:
        with zipfile.ZipFile(place / "bundle.zip") as archive:
            entries = {name: archive.read(name) for name in archive.namelist()}
        manifest = json.loads(entries["manifest.json"])
        concept = manifest["concepts"][0]
        where = concept if field in concept else concept["images"][0]
        where[field] = [text] if field == "warnings" else text
        entries["manifest.json"] = json.dumps(manifest).encode()
        with zipfile.ZipFile(place / "evil.zip", "w") as archive:
            for name, data in entries.items():
                archive.writestr(name, data)
        return ["library", "import", "evil.zip"]

    return write


def _words(*words: str) -> Callable[[Path, str], list[str]]:
    return lambda place, text: [each.replace("TEXT", text) for each in words]


PLACES: dict[str, Callable[[Path, str], list[str]]] = {
    "a photo's name": _photo,
    "a broken photo's name": _broken_photo,
    "a folder's name": _folder,
    **{f"a bundle's {field}": _bundle(field) for field in ("source_name", "warnings", "name", "noun")},
    "a concept": _words("concepts", "show", "TEXT"),
    "a search": _words("concepts", "list", "--search", "TEXT"),
    "a name": _words("add-concept", "TEXT", "photo3.png", "--noun", "dog"),
    "a prompt": _words("generate", "a <TEXT>"),
    "an option": _words("generate", "a", "--TEXT"),
    "a command": _words("TEXT"),
    "an output": _words("library", "export", "--out", "TEXT.zip"),
    "a backup": _words("db", "restore", "TEXT", "--yes"),
    "a key": _words("library", "export", "--out", "a.zip", "--sign", "TEXT"),
    "a library": _words("concepts", "list", "--library", "TEXT"),
    "a stack": _words("concepts", "show", "rex", "--stack", "TEXT"),
    "a home": _words("concepts", "list", "--home", "photo3.png/TEXT"),
    "a database": _words("concepts", "list", "--database", "photo3.png/TEXT"),
    "a member": _words("library", "share", "toys", "TEXT"),
}


def faults(world: World, folder: Path, text: str) -> Iterator[tuple[str, str | None]]:
    """Iterate over the places, each with what is wrong with what was printed, or None."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, lay in PLACES.items():
        for json_too in (False, True):
            place = world.fresh("filled", folder / "world")
            words = [os.fsdecode(os.fsencode(each)) for each in lay(place, text)]
            code, said = start(world, place, *words, *(["--json"] if json_too else [])).end()
            yield f"{name}{', --json' if json_too else ''}", _fault(code, said)


def _fault(code: int, said: str) -> str | None:
    hidden = {each for each in said if unicodedata.category(each) in ("Cc", "Cf", "Cs", "Zl", "Zp")} - {"\n"}
    if hidden or "\ufffd" in said:
        return f"{sorted(hidden)} reached the terminal: {said[:200]!r}"
    if any(line.startswith("Added root") for line in said.splitlines()):
        return f"a line was forged: {said[:200]!r}"
    return f"it ended with {code}: {said[:300]!r}" if code in (1, 70) or code < 0 else None
