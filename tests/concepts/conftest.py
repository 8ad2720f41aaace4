"""A registry of its own for each test, in a file and on a server, and small stand-ins for checked images."""

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from concepts.database import FILE_NAME, Database
from concepts.records import AdapterRecord, NewImage
from concepts.users import current_user


def picture(content: str, mask: str | None = "mask", source_name: str = "photo.jpg") -> NewImage:
    """An image whose bytes are `content`; the registry does not look into them."""
    return NewImage(content.encode(), None if mask is None else mask.encode(), 64, 48, source_name, ("tiny subject",))


@pytest.fixture(name="picture")
def picture_fixture() -> Callable[..., NewImage]:
    return picture


@dataclass(frozen=True)
class FilePlace:
    """A registry in a file."""

    home: Path
    kind = "sqlite"

    def address(self, user: str | None = None) -> str | None:
        """What `Database.open` is told beside the home."""

    def open(self, user: str | None = None) -> Database:
        """The registry, as that user sees it."""
        return Database.open(self.home, user)

    def sql(self, statement: str, *values: object) -> list[tuple]:
        """Run one statement behind the registry's back."""
        with closing(sqlite3.connect(self.home / FILE_NAME)) as connection, connection:
            return connection.execute(statement, values).fetchall()


@dataclass(frozen=True)
class ServerPlace:
    """A registry on a server."""

    home: Path
    server: Any
    name: str
    kind = "postgresql"

    def address(self, user: str | None = None) -> str:
        """The database's, as that role."""
        user = user or current_user()
        self.server.add_person(user)
        return self.server.address(self.name, user)

    def open(self, user: str | None = None) -> Database:
        """The registry, as that role sees it."""
        return Database.open(self.home, address=self.address(user))

    def sql(self, statement: str, *values: object) -> list[tuple]:
        """Run one statement behind the registry's back."""
        return self.server.run(statement, *values, database=self.name)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """What asks for a registry runs on both kinds, but for what is marked as being about the file or the server."""
    if "place" in metafunc.fixturenames:
        kinds = [kind for kind in ("sqlite", "postgresql") if metafunc.definition.get_closest_marker(kind)]
        metafunc.parametrize("place", kinds or ["sqlite", "postgresql"], indirect=True)


@pytest.fixture(scope="session")
def new_registry(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of an empty registry: making one takes longer than a test."""
    home = tmp_path_factory.mktemp("new")
    Database.open(home).close()
    return home / FILE_NAME


@pytest.fixture(scope="session")
def new_server_registry(postgres_server: Any, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The name of an empty registry's database, which others are copied from."""
    place = ServerPlace(tmp_path_factory.mktemp("new"), postgres_server, postgres_server.new_database())
    place.open().close()
    return place.name


@pytest.fixture
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[FilePlace | ServerPlace]:
    """An empty registry, not open."""
    if request.param == "sqlite":
        shutil.copy(request.getfixturevalue("new_registry"), tmp_path)
        yield FilePlace(tmp_path)
        return
    server = request.getfixturevalue("postgres_server")
    here = ServerPlace(tmp_path, server, server.new_database(request.getfixturevalue("new_server_registry")))
    yield here
    server.drop(here.name)


@pytest.fixture
def database(place: FilePlace | ServerPlace) -> Iterator[Database]:
    with place.open() as opened:
        yield opened


@pytest.fixture
def sql(place: FilePlace | ServerPlace, database: Database) -> Callable[..., list[tuple]]:
    """Run one statement behind the registry's back."""
    return place.sql


@pytest.fixture
def alice(place) -> Iterator[Database]:
    """Alice, whose library toys holds rex, an adapter and a run."""
    with place.open("alice") as opened:
        yield opened


@pytest.fixture
def bob(place) -> Iterator[Database]:
    with place.open("bob") as opened:
        yield opened


@pytest.fixture
def toys(alice, picture) -> dict[str, object]:
    """What alice's library toys holds."""
    with alice.transaction() as registry:
        registry.create_library("toys", "miniature")
        rex = registry.add_concept("toys", "rex", "dog", [picture("a")]).concept
        image = rex.images[0]
        registry.put_feature("key", "image_embeds", b"1234", (1,), "float32", image.sha, image.mask_sha)
        run = registry.start_run("toys", "finetune", {}, [rex.version_id])
        adapter = registry.add_adapter("toys", "ab" * 32, "ab.safetensors", "lora", "tiny", {}, [rex.version_id], run)
    return {"rex": rex, "sha": image.sha, "run": run, "adapter": adapter.id}


@pytest.fixture
def rex_and_hat(database, picture) -> tuple[int, int]:
    """The version ids of two concepts in the library default."""
    with database.transaction() as registry:
        rex = registry.add_concept("default", "rex", "dog", [picture("a")]).concept
        hat = registry.add_concept("default", "hat", "hat", [picture("b")]).concept
    return rex.version_id, hat.version_id


@pytest.fixture
def add_adapter() -> Callable[..., AdapterRecord]:
    """Register an adapter that saw these versions."""

    def add(registry, versions, sha="ab" * 32, run_id=None, library="default"):
        return registry.add_adapter(
            library, sha, f"{sha}.safetensors", "lora", "miniature", {"rank": 4}, versions, run_id=run_id
        )

    return add
