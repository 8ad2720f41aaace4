"""A small studio to try faults on: tiny models, a home with something in everything, and what a person sees of it."""

import atexit
import gc
import hashlib
import importlib
import json
import os
import pkgutil
import re
import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

USER = "anna"
_MOMENT = re.compile(r"'\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?'")
DATABASES = Path(__file__).parents[1] / "databases"


@dataclass(frozen=True, kw_only=True)
class Command:
    """A command line, and the world it starts in. `home` is one of `World.homes`."""

    name: str
    words: tuple[str, ...]
    home: str = "filled"
    numbers: bool = False
    """Given again, it writes more files with the same contents under other names."""


PLAIN = ("--noun", "dog", "--segment", "none")
COMMANDS = (
    Command(name="add", words=("add-concept", "fido", "photo3.png", "photo4.png", *PLAIN)),
    Command(name="add, no home yet", words=("add-concept", "fido", "photo3.png", *PLAIN), home="none"),
    Command(
        name="edit", words=("concepts", "edit", "rex", "--add", "photo3.png", "--noun", "hound", "--segment", "none")
    ),
    Command(
        name="add, four photos",
        words=("add-concept", "fido", *(f"photo{n}.png" for n in range(3, 7)), *PLAIN, "--keep-original"),
    ),
    Command(name="import", words=("library", "import", "bundle.zip")),
    Command(name="import, no home yet", words=("library", "import", "bundle.zip"), home="none"),
    Command(name="export", words=("library", "export", "--out", "out/rex.zip")),
    Command(name="upgrade 0001", words=("db", "upgrade"), home="0001"),
    Command(name="upgrade 0002", words=("db", "upgrade"), home="0002"),
    Command(name="backup", words=("db", "backup")),
    Command(name="backup to a file", words=("db", "backup", "--out", "out/copy.sqlite3")),
    Command(name="restore", words=("db", "restore", "earlier.sqlite3", "--yes")),
    Command(name="originals", words=("concepts", "originals", "rex", "out/files")),
    Command(name="copy", words=("concepts", "copy", "rex", "toys")),
    Command(name="remove", words=("concepts", "remove", "rex", "--yes")),
    Command(name="forget", words=("concepts", "forget", "rex", "--yes")),
    Command(name="library remove", words=("library", "remove", "toys", "--yes")),
    Command(name="adapter remove", words=("adapters", "remove", "1", "--yes")),
    Command(name="gc", words=("doctor", "--repair"), home="littered"),
    Command(name="fine-tune", words=("finetune", "rex", "--steps", "2", "--batch-size", "1", "--rank", "2")),
)
KEPT = (
    Command(
        name="generate",
        words=("generate", "a <rex>", "-n", "3", "--seed", "0", "--steps", "1", "--out", "out"),
        numbers=True,
    ),
    Command(name="mask sheet", words=("concepts", "show", "rex", "--sheet", "out/sheet.png"), numbers=True),
)
"""Commands that write pictures for people."""


class World:
    """Templates in `folder`, made once; `fresh` gives a copy of one to do harm to."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.stack = folder / "models" / "tiny.toml"
        self.templates = folder / "templates"

    def make(self) -> None:
        """Build the models and every template, each in a process of its own."""
        from tests.reliability.tracing import answer_of

        warm_up()
        self.folder.mkdir(parents=True, exist_ok=True)
        for step in (self._make_models, self._make_filled, self._make_none, self._make_littered, self._make_old):
            answer_of(step, self.folder)

    def fresh(self, name: str, at: Path) -> Path:
        """A copy of the template at `at`, which may not be there yet."""
        shutil.rmtree(at, ignore_errors=True)
        shutil.copytree(self.templates / name, at)
        return at

    def call(self, place: Path, words: Sequence[str]) -> int:
        """`studio` with these words, in this process and in `place`. Use it in a fork: it changes the process."""
        from cli.main import run

        self._enter(place)
        return run(words)

    def seen(self, place: Path) -> str:
        """What a person sees of a world, by the registry's public words. Use it in a fork."""
        self._enter(place)
        return seen(place)

    def _enter(self, place: Path) -> None:
        os.chdir(place)
        os.environ.update(STUDIO_HOME="home", STUDIO_STACK=str(self.stack), STUDIO_USER=USER)
        open_pictures_here()

    def _make_models(self) -> None:
        from tests.conftest import save_clip, save_decoder, save_prior

        models = self.stack.parent
        save_clip(models / "clip"), save_prior(models / "prior"), save_decoder(models / "decoder")
        parts = f'clip = "local-dir:{models}/clip"\nprior = "{models}/prior"\ndecoder = "{models}/decoder"\n'
        self.stack.write_text(f'name = "tiny"\n{parts}licence = "none"\n')

    def _make_filled(self) -> None:
        """Three concepts, one removed and one with originals, a second library, an adapter, a bundle of other concepts
        and an older backup."""
        place = self.templates / "filled"
        place.mkdir(parents=True)
        for number in range(1, 7):
            draw_photo(place / f"photo{number}.png", number)
        self._do(place, "library create toys")
        self._do(place, "add-concept owl photo5.png --noun bird --library toys --segment none")
        self._do(place, "add-concept bear photo6.png --noun bear --segment none")
        self._do(place, "library export --out bundle.zip")
        self._do(place, "concepts forget bear --yes")
        self._do(place, "db backup --out earlier.sqlite3")
        self._do(place, "add-concept rex photo1.png photo2.png --noun dog --keep-original")
        self._do(place, "add-concept hat photo2.png --noun hat --segment none")
        self._do(place, "concepts remove hat --yes")
        self._do(place, "finetune rex --steps 1 --batch-size 1 --rank 2 --seed 7")
        self._do(place, "finetune --all --steps 1 --batch-size 1 --rank 2 --seed 8 --library toys")

    def _make_none(self) -> None:
        place = self.templates / "none"
        place.mkdir(parents=True)
        draw_photo(place / "photo3.png", 3)
        shutil.copy(self.templates / "filled" / "bundle.zip", place)

    def _make_littered(self) -> None:
        """As after kills: files that were never finished, an hour old and more."""
        place = self.fresh("filled", self.templates / "littered")
        for name in (
            ".studio.sqlite3.0a1b",
            "adapters/.unnamed-7.safetensors",
            "adapters/.adapter-x7.tmp",
            "adapters/.tmpa7B9x0",
        ):
            litter = place / "home" / name
            litter.write_bytes(b"half")
            os.utime(litter, (0, 0))

    def _make_old(self) -> None:
        from concepts.database import FILE_NAME

        for file in DATABASES.glob("*.sqlite3"):
            home = self.templates / file.stem / "home"
            home.mkdir(parents=True)
            shutil.copyfile(file, home / FILE_NAME)

    def _do(self, place: Path, line: str) -> None:
        code = self.call(place, line.split())
        if code:
            raise RuntimeError(f"studio {line} ended with {code}")


IMPORTED_BY_COMMANDS = (
    "accelerate.state", "alembic.command", "filelock", "open_clip", "peft", "platformdirs", "platformdirs.unix",
    "sqlalchemy.dialects.sqlite", "cli.libraries.add_concept", "cli.drawing.generate",
    "lambda_studio.workflows.drawing.generate",
    "lambda_studio.workflows.drawing.pictures", "lambda_studio.workflows.subjects.card", "cli.training.adapters",
    "cli.libraries.concepts", "cli.screen.confirm", "cli.db", "cli.doctor", "cli.training.finetune",
    "cli.screen.interrupt",
    "cli.libraries.library", "cli.main", "concepts.stores.upgrade", "lambda_studio.pictures.door_process",
    "lambda_studio.pictures.edges", "lambda_studio.workflows.upkeep.database", "lambda_studio.models.stacks.stack",
    "lambda_studio.studio", "lambda_studio.workflows.subjects.concepts", "lambda_studio.workflows.upkeep.doctor",
    "lambda_studio.workflows.subjects.originals", "lambda_studio.workflows.subjects.forgetting",
    "lambda_studio.workflows.bundles.import_", "lambda_studio.workflows.bundles.from_bundle",
    "lambda_studio.workflows.bundles.from_folder", "lambda_studio.workflows.subjects.lookalikes",
    "lambda_studio.workflows.libraries", "lambda_studio.workflows.tuning.run",
    "lambda_studio.workflows.subjects.versions",
)  # fmt: skip


@cache
def made_world() -> World:
    """The one world of this process, which all harnesses take copies of; it is removed when the process ends."""
    folder = tempfile.mkdtemp(prefix="studio-reliability-")
    owner = os.getpid()
    atexit.register(lambda: os.getpid() == owner and shutil.rmtree(folder, ignore_errors=True))
    world = World(Path(folder))
    world.make()
    return world


def warm_up() -> None:
    """Import what commands import, and bound torch's threads: a fork then begins at once, and has one thread."""
    sys.dont_write_bytecode = True
    import torch
    from sqlalchemy.orm import configure_mappers

    torch.set_num_threads(1)
    for module in IMPORTED_BY_COMMANDS:
        importlib.import_module(module)
    for package in ("cli", "concepts"):  # all of it: another user may not be able to read the checkout
        for found in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}."):
            if found.name not in ("cli.start", "cli.__main__"):  # they are a program's first instructions
                importlib.import_module(found.name)
    configure_mappers()
    gc.collect()
    gc.freeze()  # a collection in a fork would otherwise copy every page


def open_pictures_here() -> None:
    """Decode pictures in this process: the door's own writes nothing, and takes a second to start."""
    from lambda_studio.pictures import door
    from lambda_studio.pictures.files import stored
    from lambda_studio.pictures.files.opening import open_mask, open_photo

    here = {
        "photo": lambda self, path: open_photo(path),
        "mask_file": lambda self, path: open_mask(path),
        "picture_fault": lambda self, data, size: stored.picture_fault(data, size),
        "mask_fault": lambda self, data, size: stored.mask_fault(data, size),
    }
    for name, method in here.items():
        setattr(door.PictureDoor, name, method)


def seen(place: Path) -> str:
    """Every library, concept with its bytes, adapter, and the files in `out/` and `backups/`, as text to compare.

    Raises AssertionError where the database, a copy or an adapter is not whole.
    """
    from concepts.database import Database

    with Database.open(place / "home") as database, database.reading() as registry:
        libraries = {each.address: _library(registry, each.address, place / "home") for each in registry.libraries()}
        libraries["(current)"] = registry.current_library().address
    return json.dumps([libraries, files_of(place)], sort_keys=True)


def files_of(place: Path) -> dict[str, Any]:
    """What lies in `out/`, by name, and which states of the database have a copy in `backups/`."""
    copies = sorted({dumped(path) for path in (place / "home" / "backups").glob("[!.]*.sqlite3")})
    out = {path.name: _file(path) for path in sorted((place / "out").glob("[!.]*"))}
    return {"backups": copies, "out": out}


def dumped(path: Path) -> str:
    """The hash of all rows of a database but for moments in time; "" where there is none.

    Raises AssertionError for one that is not sound.
    """
    if not path.exists():
        return ""
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True)) as connection:
        verdicts = [row[0] for row in connection.execute("PRAGMA integrity_check") if row[0] != "ok"]
        orphans = connection.execute("PRAGMA foreign_key_check").fetchall()
        if verdicts or orphans:
            raise AssertionError(f"{path.name} is not sound: {verdicts[:1] or orphans[:1]}")
        lines = "\n".join(connection.iterdump())
    return hashlib.sha256(_MOMENT.sub("''", lines).encode()).hexdigest()


def _library(registry: Any, name: str, home: Path) -> list[Any]:
    from lambda_studio.workflows.home import adapters_folder

    adapters = {}
    for adapter in registry.adapters(name):
        path = adapters_folder(home) / adapter.file_name
        adapters[adapter.sha256] = [_file(path) if path.exists() else "gone", [each.name for each in adapter.concepts]]
    present = {each: _concept(registry, name, each) for each in registry.concept_names(name)}
    removed = [[each.name, each.manifest] for each in registry.removed_concepts(name)]
    return [present, removed, adapters]


def _concept(registry: Any, library: str, name: str) -> list[Any]:
    versions = [registry.concept_version(library, name, each.number) for each in registry.history(library, name)]
    for image in (image for version in versions for image in version.images):
        for sha in filter(None, (image.sha, image.mask_sha, image.original_sha)):
            registry.blob(sha)
    kept = [[image.original_sha for image in version.images] for version in versions]
    return [[version.noun, version.manifest, version.name] for version in versions] + kept


def _file(path: Path) -> str:
    if path.is_dir():
        return json.dumps({each.name: _file(each) for each in sorted(path.iterdir())})
    return dumped(path) if path.suffix == ".sqlite3" else hashlib.sha256(path.read_bytes()).hexdigest()


def draw_photo(path: Path, seed: int, side: int = 96) -> None:
    """A red ellipse on noisy green, in a file that says where it was drawn."""
    import numpy as np
    from PIL import Image, ImageDraw
    from PIL.PngImagePlugin import PngInfo

    noise = np.random.default_rng(seed).integers(0, 60, (side, side, 3))
    image = Image.fromarray((noise + np.array([20, 120, 40])).astype(np.uint8))
    box = (side // 4 + seed, side // 5, 3 * side // 4, 4 * side // 5)
    ImageDraw.Draw(image).ellipse(box, fill=(200, 30 + 9 * seed, 30))
    said = PngInfo()
    said.add_text("Comment", f"behind mill {seed}")
    image.save(path, pnginfo=said)
