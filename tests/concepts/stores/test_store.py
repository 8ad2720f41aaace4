"""Where the registry is: what an address may be, and that it is never told with its password."""

import sys
from pathlib import Path

import pytest

from concepts.database import FILE_NAME, Database
from concepts.errors import AddressInvalid, DatabaseUnusable
from concepts.stores.store import store_at

SECRET = "s3cret"


@pytest.mark.parametrize(
    ("address", "path"),
    [
        (None, Path("home") / FILE_NAME),
        ("", Path("home") / FILE_NAME),
        ("there/mine.db", Path("there/mine.db")),
        ("/there/mine.db", Path("/there/mine.db")),
        ("sqlite:///there/mine.db", Path("there/mine.db")),
        ("sqlite:////there/mine.db", Path("/there/mine.db")),
    ],
)
def test_a_file_is_named_by_its_path_or_url(address, path):
    store = store_at(Path("home"), address)
    assert (store.path, str(store)) == (path, str(path))


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("postgresql+psycopg://anna@server/studio", "postgresql://anna@server/studio"),
        ("postgresql://anna@server:5433/studio", "postgresql://anna@server:5433/studio"),
        (f"postgresql+psycopg://anna:{SECRET}@server/studio", "postgresql://anna@server/studio"),
        (f"postgresql+psycopg://server/studio?user=anna&password={SECRET}", "postgresql://server/studio"),
        ("postgresql+psycopg:///studio", "postgresql:///studio"),
    ],
)
def test_a_server_is_told_without_a_password(address, told):
    store = store_at(Path("home"), address)
    assert (store.path, str(store)) == (None, told)
    assert SECRET not in repr(store)
    assert SECRET not in repr(store.engine())


@pytest.mark.parametrize(
    ("address", "cause"),
    [
        (f"mysql://anna:{SECRET}@server/studio", "A registry cannot be stored in a database of the kind 'mysql'."),
        (
            f"postgresql+asyncpg://anna:{SECRET}@server/studio",
            "A registry cannot be stored in a database of the kind 'p",
        ),
        (f"postgresql+psycopg:/anna:{SECRET}@server/studio", "The database's address cannot be read as a URL."),
        (f"postgresql+psycopg://anna:{SECRET}/studio", "The database's address cannot be read as a URL."),
        (
            f"postgresql+psycopg://anna:a@{SECRET}@server/studio",
            "The database's address contains too many @ characters.",
        ),
        ("sqlite://", "The database's address names no file."),
        ("sqlite:///:memory:", "The database's address names no file."),
        ("sqlite://server/file", "The database's address names no file."),
    ],
)
def test_what_is_no_address_is_refused_without_repeating_it(tmp_path, address, cause):
    with pytest.raises(AddressInvalid) as refusal:
        Database.open(tmp_path / "home", address=address)
    assert refusal.value.cause.startswith(cause)
    assert refusal.value.exit_code == 2
    assert SECRET not in str(refusal.value)
    assert refusal.value.__cause__ is None
    assert list(tmp_path.iterdir()) == []


def test_a_registry_can_be_in_another_file_than_the_homes(tmp_path):
    with Database.open(tmp_path / "home", address=str(tmp_path / "there" / "mine.db")) as database:
        backup = database.store.back_up()
    assert (database.path, backup.parent) == (tmp_path / "there" / "mine.db", tmp_path / "there" / "backups")
    assert database.store.backups() == [backup]
    assert not (tmp_path / "home").exists()


def test_without_psycopg_a_server_is_refused_and_what_to_install_is_said(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(DatabaseUnusable) as refusal:
        Database.open(tmp_path, address=f"postgresql+psycopg://anna:{SECRET}@server/studio")
    assert refusal.value.cause.startswith("postgresql://anna@server/studio needs psycopg")
    assert refusal.value.remedy == "Install it: pip install 'psycopg[binary]>=3.2,<4'"
    assert (refusal.value.exit_code, SECRET in str(refusal.value)) == (7, False)


@pytest.mark.parametrize(
    "address", ["host=db password=hunter2", "dbname = x user=y", "service=team", "PASSWORD=hunter2"]
)
def test_a_connection_string_is_no_file_and_is_not_shown(tmp_path, monkeypatch, address):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(AddressInvalid, match="is a connection string, not a URL") as refused:
        store_at(tmp_path, address)
    assert "hunter2" not in str(refused.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("address", [".", "/", "..", "folder", "folder/"])
def test_a_folder_is_no_database(tmp_path, monkeypatch, address):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    with pytest.raises(AddressInvalid, match="is a folder"):
        store_at(tmp_path, address)
