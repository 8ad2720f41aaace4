"""A registry in a file, as a store."""

from pathlib import Path

import pytest

from concepts.database import FILE_NAME, Database
from concepts.errors import NameInvalid, StorageFailed
from concepts.stores.sqlite import SqliteFile
from concepts.stores.store import Store


@pytest.fixture
def store(tmp_path: Path) -> SqliteFile:
    return SqliteFile(tmp_path / "home" / FILE_NAME)


def test_a_file_is_a_store_and_is_called_by_its_path(store):
    assert isinstance(store, Store)
    assert (str(store), store.notices()) == (str(store.path), [])
    assert (store.abreast, store.alone) == (None, None), "writers of a file queue by themselves"


def test_the_user_is_the_named_one_or_the_systems(store, monkeypatch):
    monkeypatch.setenv("STUDIO_USER", "anna")
    assert not store.present()
    assert (store.prepare(None), store.prepare("bob")) == ("anna", "bob")
    assert store.present()
    with pytest.raises(NameInvalid, match="contains a slash"):
        store.prepare("a/b")


def test_what_is_being_written_is_known_by_its_name_and_nothing_else_is(store):
    store.prepare("anna")
    home = store.path.parent
    (home / "backups").mkdir()
    unfinished = [home / f".{FILE_NAME}.0123", home / "backups" / ".studio-0004-now.sqlite3"]
    others = [home / ".hidden", home / "notes.txt", home / "backups" / "studio-0004-now.sqlite3"]
    for path in (*unfinished, *others):
        path.touch()
    assert store.unfinished() == sorted(unfinished)


def test_its_backups_are_listed_and_put_back(store, picture):
    with Database.open(store.path.parent) as database, database.transaction() as registry:
        registry.add_concept("default", "rex", "dog", [picture("a")])
    copy = store.back_up()
    assert store.backups() == [copy]
    with Database.open(store.path.parent) as database, database.transaction() as registry:
        registry.forget_concept("default", "rex")
    store.restore(copy)
    with Database.open(store.path.parent) as database, database.reading() as registry:
        assert registry.concept_names("default") == ["rex"]
    assert list(store.faults()) == []
    assert store.state().revision == store.state().newest


def test_room_is_asked_for_on_the_files_own_disk(store, monkeypatch):
    asked = []
    monkeypatch.setattr("concepts.durable.shutil.disk_usage", lambda path: asked.append(path) or Usage())
    store.require_room(10, "This")
    with pytest.raises(StorageFailed, match="This needs"):
        store.require_room(11, "This")
    assert set(asked) == {store.path.parent.parent}, "the home is not there yet"


class Usage:
    """A disk with ten bytes free."""

    free = 10
