"""Where a model's files are, and what identifies them."""

import hashlib
from pathlib import Path

import pytest
from huggingface_hub import constants
from huggingface_hub.errors import EntryNotFoundError

from lambda_studio.errors import ModelFilesInvalid, ModelFilesMissing
from lambda_studio.models.files import file_sha256, fingerprint, get_file, read_json


def test_a_folder_gives_the_first_file_that_it_holds(tmp_path: Path) -> None:
    for name in ("b.bin", "c.bin"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "a.bin").mkdir()
    assert get_file(str(tmp_path), ["a.bin", "b.bin", "c.bin"]) == tmp_path / "b.bin"
    with pytest.raises(ModelFilesMissing, match=r"has no d\.bin or e\.bin\. Use --stack miniature"):
        get_file(str(tmp_path), ["d.bin", "e.bin"])


@pytest.mark.parametrize("source", ["/no/such/folder", "gone", "a/b/c"])
def test_what_is_neither_a_folder_nor_a_hub_id_is_asked_of_nobody(source: str) -> None:
    with pytest.raises(ModelFilesMissing, match=f"There is no folder {source}"):
        get_file(source, ["x"], on_download=lambda: pytest.fail("the hub was asked"))


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
    found = get_file("org/repo", ["first", "second"], revision="v1", on_download=lambda: told.append(len(asked)))
    assert found == tmp_path / "second"
    assert asked == [("org/repo", "first", "v1"), ("org/repo", "second", "v1")] and told == [0]


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
