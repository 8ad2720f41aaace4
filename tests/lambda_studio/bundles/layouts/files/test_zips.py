"""ZIP files of pictures, ordinary and hostile, unpacked into a private folder."""

import os
import shutil
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from concepts.durable import sweep
from lambda_studio.bundles.layouts.files import zips
from lambda_studio.bundles.layouts.files.kinds import UNNAMED
from lambda_studio.bundles.layouts.files.zips import has_pictures, unpacked
from lambda_studio.bundles.layouts.planning import make_plan
from lambda_studio.errors import BundleRefused
from tests.lambda_studio.bundles.hostile_zips import nameless, renamed, second_end, zip64_within
from tests.lambda_studio.bundles.layouts.laid import aside, lay, planned

Entry = str | zipfile.ZipInfo


def write(path: Path, *entries: Entry, content: bytes = b"x", how: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", how) as archive:
        for entry in entries:
            archive.writestr(entry, content)
    return path


def entry(name: str, mode: int = 0) -> zipfile.ZipInfo:
    made = zipfile.ZipInfo(name)
    made.create_system, made.external_attr = 3, mode << 16
    return made


@pytest.fixture
def unpack(tmp_path: Path) -> Callable[[Path], tuple[list[str], list[str]]]:
    """Unpacks a file, and returns the names that are there and the faults."""
    (tmp_path / "home").mkdir()

    def unpack(path: Path) -> tuple[list[str], list[str]]:
        with unpacked(path, tmp_path / "home", lambda size, what: None) as folder:
            assert stat.S_IMODE(folder.root.stat().st_mode) == 0o700
            files = sorted(
                each.relative_to(folder.root).as_posix() for each in folder.root.rglob("*") if each.is_file()
            )
            faults = list(map(str, folder.faults))
        assert list((tmp_path / "home").iterdir()) == [], "nothing stays"
        return files, faults

    return unpack


def test_pictures_are_unpacked_and_of_other_files_only_the_names(unpack, tmp_path: Path) -> None:
    path = write(tmp_path / "x.zip", "rex/", "rex/0.jpg", "rex\\1.jpg", "movie.mov", "list.json", "ä/犬.png")
    with unpacked(path, tmp_path / "home", lambda size, what: None) as folder:
        sizes = {each.name: each.stat().st_size for each in folder.root.rglob("*") if each.is_file()}
    assert sizes == {"0.jpg": 1, "1.jpg": 1, "movie.mov": 0, "list.json": 1, "犬.png": 1}
    assert unpack(path) == (["list.json", "movie.mov", "rex/0.jpg", "rex/1.jpg", "ä/犬.png"], [])


def test_a_picture_without_a_suffix_is_unpacked_by_its_content(unpack, tmp_path: Path) -> None:
    path = write(tmp_path / "x.zip", "rex/IMG_1", "rex/folder/", content=b"\xff\xd8\xff\xe0")
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("LICENSE", "a text")
    assert has_pictures(path)
    with unpacked(path, tmp_path / "home", lambda size, what: None) as folder:
        sizes = {each.name: each.stat().st_size for each in folder.root.rglob("*") if each.is_file()}
    assert sizes == {"IMG_1": 4, "LICENSE": 0}
    assert not has_pictures(write(tmp_path / "y.zip", "LICENSE"))
    damaged = bytearray(path.read_bytes())
    damaged[:4] = b"XXXX"
    path.write_bytes(damaged)
    assert not has_pictures(path), "an entry that cannot be read is no picture"


def test_a_plan_says_the_same_of_a_folder_and_of_a_zip_file_of_it(tmp_path: Path) -> None:
    root = lay(tmp_path / "set", "rex/0.jpg", "rex/0.txt", "rex/other.txt")
    (root / "rex" / "0.jpg.bak").write_bytes(b"\xff\xd8\xff\xe0")
    (root / "rex" / "notes.bin").write_bytes(b"no picture" * 100)
    (root / "empty" / "too").mkdir(parents=True)
    shutil.make_archive(str(tmp_path / "set"), "zip", root)
    with unpacked(tmp_path / "set.zip", tmp_path, lambda size, what: None) as folder:
        zipped = make_plan(tmp_path / "set.zip", folder.root)
        assert (folder.root / "rex" / "notes.bin").stat().st_size == 0, "only its name is needed"
    assert folder.faults == []
    assert (
        aside(zipped)
        == aside(planned(root))
        == {
            "empty/too": "an empty folder",
            "rex/0.jpg.bak": UNNAMED,
            "rex/notes.bin": "not pictures",
            "rex/other.txt": "captions and other texts",
        }
    )


def test_folders_of_a_zip_file_lead_nowhere_else(unpack, tmp_path: Path) -> None:
    linked = entry("link/", stat.S_IFLNK | 0o777)
    path = write(tmp_path / "x.zip", "rex/0.jpg", "../out/", "rex/0.jpg/", linked, content=b"")
    files, faults = unpack(path)
    assert files == ["rex/0.jpg"] and sorted(each.name for each in tmp_path.iterdir()) == ["home", "x.zip"]
    assert faults == [
        "../out/ has a path that leads out of the ZIP file",
        "rex/0.jpg/ has the name of another entry",
        "link/ is a link or a special file, which is not followed in a ZIP file",
    ]


@pytest.mark.parametrize(
    "name", ["../out.jpg", "/tmp/out.jpg", "a/../../out.jpg", "..\\out.jpg", "C:\\out.jpg", "C:o.jpg"]
)
def test_no_path_leads_out(unpack, tmp_path: Path, name: str) -> None:
    files, faults = unpack(write(tmp_path / "x.zip", "rex/0.jpg", name))
    assert files == ["rex/0.jpg"]
    assert faults == [f"{name} has a path that leads out of the ZIP file"]
    assert sorted(each.name for each in tmp_path.iterdir()) == ["home", "x.zip"]


def test_links_duplicates_and_names_that_cannot_be_are_faults(unpack, tmp_path: Path) -> None:
    link = entry("rex/link.jpg", stat.S_IFLNK | 0o777)
    long = "n" * 300 + ".jpg"
    with pytest.warns(UserWarning, match="Duplicate name"):
        write(tmp_path / "x.zip", "rex/0.jpg", "rex/0.jpg", link, "rex/0.jpg/1.jpg", long)
    files, faults = unpack(tmp_path / "x.zip")
    assert files == ["rex/0.jpg"]
    assert faults == [
        "rex/0.jpg has the name of another entry",
        "rex/link.jpg is a link or a special file, which is not followed in a ZIP file",
        "rex/0.jpg/1.jpg has the name of another entry",
        f"{long} has a name that cannot be: File name too long",
    ]


def test_entries_without_a_name_and_names_with_a_zero_byte_are_faults(unpack, tmp_path: Path) -> None:
    path = write(tmp_path / "x.zip", "0.jpg", "1.jpg+2.jpg")
    path.write_bytes(renamed(nameless(path.read_bytes()), b"1.jpg+2.jpg", b"1.jpg\0" + b"2.jpg"))
    why = "has an empty name, or a zero byte in it"
    assert unpack(path) == (["0.jpg"], [f"1.jpg {why}", f"an entry {why}"])
    assert has_pictures(path)


def test_a_directory_that_is_not_the_one_it_seems_to_be_is_not_read(tmp_path: Path) -> None:
    content = write(tmp_path / "x.zip", "rex/0.jpg").read_bytes()
    for hostile in (zip64_within(content, 1000, 1), second_end(content, 1000)):
        (tmp_path / "x.zip").write_bytes(hostile)
        assert not has_pictures(tmp_path / "x.zip")
        with (
            pytest.raises(BundleRefused, match=r"x\.zip cannot be read: it"),
            unpacked(tmp_path / "x.zip", tmp_path, lambda size, what: None),
        ):
            pass


def test_damaged_encrypted_and_oddly_packed_entries_are_faults(unpack, tmp_path: Path, monkeypatch) -> None:
    path = write(tmp_path / "x.zip", "0.jpg", "1.jpg", content=b"y" * 1000, how=zipfile.ZIP_STORED)
    damaged = bytearray(path.read_bytes())
    damaged[200] ^= 1
    path.write_bytes(damaged)
    assert unpack(path) == (["1.jpg"], ["0.jpg is damaged: Bad CRC-32 for file '0.jpg'"])
    assert unpack(write(path, "0.jpg", how=zipfile.ZIP_LZMA)) == ([], ["0.jpg is compressed in a way that is not read"])
    content = bytearray(write(path, "0.jpg").read_bytes())
    content[content.index(b"PK\1\2") + 8] |= 1
    path.write_bytes(content)
    assert unpack(path) == ([], ["0.jpg is encrypted"])


def test_sizes_are_bounded(unpack, tmp_path: Path, monkeypatch) -> None:
    path = write(tmp_path / "bomb.zip", "0.jpg", "1.jpg", content=b"\0" * 10_000)
    monkeypatch.setattr(zips, "MAX_FILE_BYTES", 9999)
    assert unpack(path) == ([], [f"{name}.jpg has 10,000 bytes, more than 9,999" for name in (0, 1)])
    monkeypatch.setattr(zips, "MAX_UNPACKED", 19_999)
    with pytest.raises(BundleRefused, match=r"would unpack to 20,000 bytes, more than 19,999"):
        unpack(path)


def test_an_entry_never_gives_more_bytes_than_its_directory_says(unpack, tmp_path: Path) -> None:
    path = write(tmp_path / "x.zip", "0.jpg", content=b"\0" * 10_000)
    content = bytearray(path.read_bytes())
    at = content.index(b"PK\1\2") + 24
    content[at : at + 4] = (5).to_bytes(4, "little")
    path.write_bytes(content)
    files, (fault,) = unpack(path)
    assert files == [] and fault.startswith("0.jpg is damaged:")


def test_what_a_killed_process_unpacked_is_swept(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    path = write(tmp_path / "x.zip", "0.jpg")
    holder = unpacked(path, tmp_path / "home", lambda size, what: None)
    root = holder.__enter__().root
    sweep(tmp_path / "home")
    assert root.exists(), "a live process holds it"
    holder.__exit__(None, None, None)
    root.mkdir()
    (root / "0.jpg").touch()
    root.with_name(root.name + ".studio-lock").touch()  # which nobody holds
    sweep(tmp_path / "home")
    assert list((tmp_path / "home").iterdir()) == []


def test_which_files_are_zips_of_pictures(tmp_path: Path, monkeypatch) -> None:
    assert has_pictures(write(tmp_path / "x.zip", "rex/0.JPG"))
    assert not has_pictures(write(tmp_path / "x.zip", "manifest.json", "objects/0.jpg"))
    assert not has_pictures(write(tmp_path / "x.zip", "notes.txt"))
    (tmp_path / "x.zip").write_bytes(b"PK\5\6" + b"\xff" * 18)
    assert not has_pictures(tmp_path / "x.zip")
    os.mkfifo(tmp_path / "fifo.zip")
    assert not has_pictures(tmp_path / "fifo.zip")
    assert not has_pictures(tmp_path / "gone.zip")
    monkeypatch.setattr(zips, "MAX_DIRECTORY", 20)
    assert not has_pictures(write(tmp_path / "x.zip", "rex/0.jpg"))
