"""What is done to a database as such, whole or not."""

from contextlib import contextmanager

import pytest

from concepts.database import FILE_NAME
from concepts.errors import DatabaseUnusable
from lambda_studio.errors import OutputExists
from lambda_studio.studio import Studio
from lambda_studio.workflows.upkeep.database import DatabaseUpkeep
from lambda_studio.workflows.upkeep.finding import Finding


@pytest.fixture
def upkeep(studio, put, plain) -> DatabaseUpkeep:
    """Of a database with rex in it, which nobody has open."""
    put("rex", plain("red"))
    studio.close()
    return DatabaseUpkeep(studio.home)


def names(upkeep: DatabaseUpkeep) -> list[str]:
    with Studio(upkeep.home) as studio:
        return [each.name for each in studio.concepts.list()]


def test_a_sound_database_is_checked_without_a_fault_and_is_up_to_date(upkeep) -> None:
    checked = upkeep.check()
    assert (checked.faults, checked.state.revision) == ((), checked.state.newest)
    upgraded = upkeep.upgrade()
    assert upgraded.before.revision == upgraded.after.revision == checked.state.revision


def test_a_backup_goes_where_it_was_asked_for_and_never_over_a_file(upkeep, tmp_path) -> None:
    out = tmp_path / "copy.sqlite3"
    assert upkeep.back_up(out).copy == out
    before = out.read_bytes()
    with pytest.raises(OutputExists, match=r"copy\.sqlite3"):
        upkeep.back_up(out)
    assert out.read_bytes() == before
    copy = upkeep.back_up().copy
    assert copy is not None and copy.parent == upkeep.home / "backups"


def test_a_backup_comes_back_once_a_person_agrees_and_what_was_there_is_kept(upkeep) -> None:
    backup = upkeep.back_up().copy
    with Studio(upkeep.home) as studio:
        studio.concepts.rename("rex", "bello")

    def refuse() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        upkeep.restore(backup, refuse)
    assert names(upkeep) == ["bello"]
    kept = upkeep.restore(backup).copy
    assert names(upkeep) == ["rex"]
    upkeep.restore(kept)
    assert names(upkeep) == ["bello"]


def test_where_the_database_can_be_opened_the_studio_says_what_it_finds(upkeep) -> None:
    asked = []

    class Examined:
        def doctor(self, depth: str = "usual", *, repair: bool = False) -> list[Finding]:
            asked.append((depth, repair))
            return [Finding("a", "b")]

    @contextmanager
    def opened():
        yield Examined()

    assert upkeep.examine(opened, "quick", True) == [Finding("a", "b")]
    assert asked == [("quick", True)]


def must_not_open():
    raise AssertionError("a studio was opened")


def test_a_database_that_cannot_be_opened_is_told_and_no_studio_is_opened(upkeep) -> None:
    (upkeep.home / FILE_NAME).write_bytes(b"not a database")
    (found,) = upkeep.examine(must_not_open, "usual", False)
    assert (found.what, found.whole) == ("database", False)
    with pytest.raises(DatabaseUnusable):
        upkeep.check()


def test_the_newest_backup_of_one_that_cannot_be_opened_is_named(upkeep) -> None:
    older, newest = (upkeep.back_up().copy for _ in range(2))
    assert older != newest
    (upkeep.home / FILE_NAME).write_bytes(b"not a database")
    (found,) = upkeep.examine(must_not_open, "usual", False)
    assert f"studio db restore {newest}" in found.remedy and str(older) not in found.remedy
