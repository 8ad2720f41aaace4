from concepts.database import FILE_NAME, Database
from concepts.records import NewImage
from concepts.stores import sqlite_upkeep


def add(home, name):
    with Database.open(home) as database:
        image = NewImage(name.encode() * 5000, None, 1, 1, "a.png")
        database.write(lambda registry: registry.add_concept("default", name, "dog", [image]))


def names(home):
    with Database.open(home) as database, database.reading() as registry:
        return registry.concept_names("default")


def test_what_was_restored_already_is_not_kept_once_more(tmp_path):
    home = tmp_path / "home"
    add(home, "rex")
    backup = sqlite_upkeep.back_up(home / FILE_NAME, tmp_path / "backup.sqlite3")
    add(home, "fido")
    assert sqlite_upkeep.restore(home / FILE_NAME, backup) is not None
    assert sqlite_upkeep.restore(home / FILE_NAME, backup) is None
    assert names(home) == ["rex"]
    assert len(sqlite_upkeep.backups(home / FILE_NAME)) == 1


def test_one_row_more_and_it_is_restored_and_kept(tmp_path):
    home = tmp_path / "home"
    add(home, "rex")
    backup = sqlite_upkeep.back_up(home / FILE_NAME, tmp_path / "backup.sqlite3")
    with Database.open(home) as database:
        database.write(lambda registry: registry.rename_concept("default", "rex", "max"))
    assert sqlite_upkeep.restore(home / FILE_NAME, backup) is not None
    assert names(home) == ["rex"]
