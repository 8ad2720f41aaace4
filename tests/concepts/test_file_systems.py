"""File systems of a network, and those on which two machines do not see each other's locks."""

from pathlib import Path

import pytest

from concepts import file_systems
from concepts.database import Database
from concepts.durable import unfinished
from concepts.errors import DatabaseUnusable
from concepts.file_systems import file_system, keeps_locks_local, on_network
from concepts.stores.sqlite_upkeep import back_up, restore


def test_links_in_a_circle_are_on_the_file_system_of_their_folder(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    assert file_system(tmp_path / "loop") == file_system(tmp_path)


@pytest.fixture
def mounted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Say what is mounted at `my share` in the test's folder: its type and its options."""

    def mount(kind: str, options: str = "rw") -> Path:
        share = tmp_path.resolve() / "my share"
        share.mkdir(exist_ok=True)
        escaped = str(share).replace(" ", "\\040")
        listed = tmp_path / "mounts"
        listed.write_text(f"/dev/sda1 / ext4 rw 0 0\nserver:/x {escaped} {kind} {options} 0 0\nshort\n")
        monkeypatch.setattr(file_systems, "MOUNTS", listed)
        return share

    return mount


def test_a_path_is_on_the_file_system_of_the_nearest_mount(mounted, tmp_path: Path, monkeypatch) -> None:
    share = mounted("nfs4")
    assert file_system(share / "home") == "nfs4"
    assert file_system(tmp_path / "my shared") == "ext4"
    monkeypatch.setattr(file_systems, "MOUNTS", tmp_path / "no such file")
    assert file_system(share) == ""
    assert not keeps_locks_local(share)


@pytest.mark.parametrize(
    ("kind", "options", "network", "local"),
    [
        ("ext4", "rw,nolock", False, False),
        ("nfs4", "rw,local_lock=none", True, False),
        ("nfs", "rw,nolock,local_lock=all", True, True),
        ("cifs", "rw,nobrl", True, True),
        ("cifs", "rw", True, False),
        ("fuse.sshfs", "rw", True, True),
        ("fuseblk", "rw", False, False),  # a disk of Windows
    ],
)
def test_what_is_known_of_a_file_system(mounted, kind: str, options: str, network: bool, local: bool) -> None:
    share = mounted(kind, options)
    assert (on_network(share), keeps_locks_local(share)) == (network, local)


def test_a_database_is_not_opened_where_two_machines_would_destroy_it(mounted, tmp_path: Path, monkeypatch) -> None:
    Database.open(tmp_path / "here").close()
    copy = back_up(tmp_path / "here" / "studio.sqlite3")
    share = mounted("fuse.sshfs")
    for work in (lambda: Database.open(share), lambda: restore(share / "studio.sqlite3", copy)):
        with pytest.raises(DatabaseUnusable, match=r"fuse\.sshfs, where two machines can destroy it") as refused:
            work()
        assert "STUDIO_ONE_MACHINE=1" in refused.value.remedy
    assert list(share.iterdir()) == []
    monkeypatch.setenv("STUDIO_ONE_MACHINE", "1")
    Database.open(share).close()


def test_another_machines_unfinished_file_is_not_swept_up(mounted) -> None:
    share = mounted("fuse.sshfs")
    left = share / f".a.png.{'0' * 32}"
    left.touch(), left.with_name(left.name + ".studio-lock").touch()
    with unfinished(share / "b.png"):
        assert left.exists()
    mounted("nfs4")
    with unfinished(share / "b.png"):
        assert not left.exists()
