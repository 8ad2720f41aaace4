"""Where a model's files are, what identifies them, and how a damaged one is seen."""

import hashlib
import logging
from pathlib import Path

import pytest
from huggingface_hub import constants
from huggingface_hub.errors import EntryNotFoundError

from lambda_studio.errors import ModelFilesInvalid, ModelFilesMissing
from lambda_studio.models.files import known_hashes, locating
from lambda_studio.models.files.known_hashes import KnownHashes
from lambda_studio.models.files.locating import file_sha256, fingerprint, is_damaged, read_json
from lambda_studio.models.files.sources import Source

SHA = hashlib.sha256(b"weights").hexdigest()


def test_a_folder_gives_the_first_file_that_it_holds(tmp_path: Path) -> None:
    for name in ("b.bin", "c.bin"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "a.bin").mkdir()
    assert Source(str(tmp_path)).get(["a.bin", "b.bin", "c.bin"]) == tmp_path / "b.bin"
    with pytest.raises(ModelFilesMissing, match=r"has no d\.bin or e\.bin\. Use stack=miniature"):
        Source(str(tmp_path)).get(["d.bin", "e.bin"])


@pytest.mark.parametrize("source", ["/no/such/folder", "gone", "a/b/c"])
def test_what_is_neither_a_folder_nor_a_hub_id_is_asked_of_nobody(source: str) -> None:
    with pytest.raises(ModelFilesMissing, match=f"There is no folder {source}"):
        Source(source, on_download=lambda: pytest.fail("the hub was asked")).get(["x"])


def test_the_next_name_is_asked_for_where_the_hub_has_no_such_file(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    asked, told = [], []

    def download(repo, name, revision=None):
        asked.append((repo, name, revision))
        if name == "first":
            raise EntryNotFoundError("no first")
        return str(tmp_path / name)

    monkeypatch.setattr("huggingface_hub.hf_hub_download", download)
    found = Source("org/repo", "v1", on_download=lambda: told.append(len(asked))).get(["first", "second"])
    assert found == tmp_path / "second"
    assert asked == [("org/repo", "first", "v1"), ("org/repo", "second", "v1")] and told == [0]


def test_a_failed_download_is_told_once_without_the_warnings_of_its_retries(monkeypatch) -> None:
    logger, heard = logging.getLogger("huggingface_hub"), []
    handler = logging.Handler()
    monkeypatch.setattr(handler, "emit", heard.append)
    monkeypatch.setattr(logger, "handlers", [*logger.handlers, handler])
    before = logger.level

    def fail(repo, name, revision=None):
        logging.getLogger("huggingface_hub.utils._http").warning("Retrying in 1s [Retry 1/5].")
        raise OSError("no network")

    monkeypatch.setattr("huggingface_hub.hf_hub_download", fail)
    with pytest.raises(ModelFilesMissing, match=r"cannot be downloaded \(no network\)"):
        Source("org/repo").get(["file"])
    assert (heard, logger.level) == ([], before)


def test_a_json_file_holds_an_object_or_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text('{"width": 3}')
    assert read_json(path) == {"width": 3}
    for text, said in (("[1]", "is not a JSON object"), ("{", "is not JSON"), ("[" * 100_000, "is not JSON")):
        path.write_text(text)
        with pytest.raises(ModelFilesInvalid, match=f"config.json {said}"):
            read_json(path)


def test_a_fingerprint_is_of_the_bytes_and_the_settings_wherever_they_lie(tmp_path: Path) -> None:
    here, there, other = tmp_path / "here", tmp_path / "there", tmp_path / "other"
    for path, content in ((here, b"abc"), (there, b"abc"), (other, b"abd")):
        path.write_bytes(content)
    assert file_sha256(here) == hashlib.sha256(b"abc").hexdigest()
    said = fingerprint({"width": 3, "depth": 1, "_version": "1.0"}, [here, other])
    assert said == fingerprint({"depth": 1, "_version": "2.0", "width": 3}, [there, other])
    others = [({"width": 4, "depth": 1}, [here, other]), ({"width": 3, "depth": 1}, [other, here])]
    assert len({said, *(fingerprint(*each) for each in others)}) == 3


@pytest.fixture(autouse=True)
def known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> KnownHashes:
    """Hashes with a note of their own, of files that were written long ago."""
    monkeypatch.setattr("lambda_studio.models.files.known_hashes.SETTLED_NS", -(10**18))
    own = KnownHashes(tmp_path / "cache" / "hashes.json")
    monkeypatch.setattr(locating, "known_hashes", lambda: own)
    return own


def write(path: Path, data: bytes = b"weights") -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(data)
    return path


def test_a_large_file_of_the_hubs_cache_is_not_read(tmp_path: Path) -> None:
    link = tmp_path / "model.safetensors"
    link.symlink_to(write(tmp_path / "blobs" / ("ab" * 32)))
    assert file_sha256(link) == "ab" * 32


def test_a_local_file_is_read_once_whatever_its_link_is_called(tmp_path: Path, monkeypatch) -> None:
    path, link = write(tmp_path / "model.safetensors"), tmp_path / "link"
    link.symlink_to(path)
    assert file_sha256(path) == SHA
    monkeypatch.setattr(
        "lambda_studio.models.files.known_hashes.file_sha256", lambda path: pytest.fail("it was read again")
    )
    assert file_sha256(link) == SHA


def test_damage_is_seen_in_a_file_of_the_hubs_cache(tmp_path: Path) -> None:
    assert not is_damaged(write(tmp_path / "blobs" / SHA))
    assert is_damaged(write(tmp_path / "blobs" / SHA, b"wEights"))


def test_damage_that_no_time_shows_is_seen_and_told_every_time(tmp_path: Path, known: KnownHashes, monkeypatch) -> None:
    path = write(tmp_path / "model.safetensors")
    assert not is_damaged(path), "it is read, and known from now on"
    assert known.find(path) == SHA
    assert not is_damaged(path)
    before = known_hashes._identity(path)
    write(path, b"wEights")  # as rot on a disk: the file's size, times and inode are what they were
    monkeypatch.setattr(known_hashes, "_identity", lambda path: before)
    assert is_damaged(path) and is_damaged(path)


def test_a_file_that_was_exchanged_is_not_damaged(tmp_path: Path) -> None:
    path = write(tmp_path / "model.safetensors")
    assert not is_damaged(path)
    assert not is_damaged(write(path, b"other weights"))
    assert file_sha256(path) == hashlib.sha256(b"other weights").hexdigest()
