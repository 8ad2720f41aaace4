"""A registry of its own for each test, and small stand-ins for checked images."""

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from concepts.database import FILE_NAME, Database
from concepts.records import NewImage


def picture(content: str, mask: str | None = "mask", source_name: str = "photo.jpg") -> NewImage:
    """An image whose bytes are `content`; the registry does not look into them."""
    return NewImage(content.encode(), None if mask is None else mask.encode(), 64, 48, source_name, ("tiny subject",))


@pytest.fixture(name="picture")
def picture_fixture() -> Callable[..., NewImage]:
    return picture


@pytest.fixture(scope="session")
def new_registry(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of an empty registry: making one takes longer than a test."""
    home = tmp_path_factory.mktemp("new")
    Database.open(home).close()
    return home / FILE_NAME


@pytest.fixture
def database(tmp_path: Path, new_registry: Path) -> Iterator[Database]:
    shutil.copy(new_registry, tmp_path)
    with Database.open(tmp_path) as opened:
        yield opened


@pytest.fixture
def sql(database: Database) -> Callable[..., list[tuple]]:
    """Run one statement behind the registry's back."""

    def run(statement: str, *values: object) -> list[tuple]:
        with closing(sqlite3.connect(database.path)) as connection, connection:
            return connection.execute(statement, values).fetchall()

    return run
