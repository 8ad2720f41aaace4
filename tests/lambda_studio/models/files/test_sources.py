"""Where files are looked for: folders are folders, hub ids are hub ids, and a pinned file is the pinned file."""

import hashlib
from pathlib import Path

import pytest
from huggingface_hub import constants

from lambda_studio.errors import ModelFilesInvalid, ModelFilesMissing
from lambda_studio.models.files.sources import Source
from tests.hub_cache import put_repository

OTHER = "f" * 40


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """A hub's cache, and a hub that nobody may ask."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.hf_hub_download", lambda *asked, **_: pytest.fail(f"asked for {asked}"))
    return tmp_path / "hub"


def written(folder: Path, text: str = "{}") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(text)
    return folder


def test_a_folder_of_the_current_directory_never_stands_in_for_a_hub_id(tmp_path, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    written(tmp_path / "org/repo")
    monkeypatch.chdir(tmp_path)
    assert Source("org/repo").find(["config.json"]) is None
    with pytest.raises(ModelFilesMissing, match=r"org/repo is not on this machine .* write \./org/repo\."):
        Source("org/repo").get(["config.json"])
    for place in ("./org/repo", "local-dir:org/repo", str(tmp_path / "org/repo")):
        assert Source(place).get(["config.json"]).samefile(tmp_path / "org/repo/config.json")


def test_a_hub_id_may_have_its_scheme(tmp_path, cache):
    snapshot = put_repository(cache, "org/repo", written(tmp_path / "files"))
    for place in ("org/repo", "hf-hub:org/repo"):
        assert Source(place).get(["nonesuch", "config.json"]) == snapshot / "config.json"


def test_a_pinned_revision_is_taken_and_no_other(tmp_path, cache, monkeypatch):
    first = put_repository(cache, "org/repo", written(tmp_path / "files", "1"), OTHER, main=False)
    second = put_repository(cache, "org/repo", written(tmp_path / "files", "2"))
    assert Source("org/repo").get(["config.json"]) == second / "config.json"
    assert Source("org/repo", OTHER).get(["config.json"]) == first / "config.json"
    asked = []
    monkeypatch.setattr(
        "huggingface_hub.hf_hub_download", lambda *given, revision: asked.append(revision) or str(tmp_path / "new")
    )
    assert Source("org/repo", "a" * 40).get(["config.json"]) == tmp_path / "new"
    assert asked == ["a" * 40]


def test_pinned_bytes_are_found_under_another_revision(tmp_path, cache):
    """A later commit changed only other files: nothing is downloaded again."""
    files = written(tmp_path / "files", "pinned")
    here = put_repository(cache, "org/repo", files)
    said = {"config.json": hashlib.sha256(b"pinned").hexdigest()}
    assert Source("org/repo", OTHER, hashes=said).find(["config.json"]) == here / "config.json"
    assert Source("org/repo", OTHER, hashes={"config.json": "0" * 64}).find(["config.json"]) is None
    assert Source("org/repo", OTHER).find(["config.json"]) is None


def test_another_file_than_the_pinned_one_is_refused(tmp_path):
    path = written(tmp_path, "other") / "config.json"
    sha = hashlib.sha256(b"other").hexdigest()
    Source(str(tmp_path), hashes={"config.json": sha}).require_pinned("config.json", path)
    source = Source(str(tmp_path), hashes={"config.json": "0" * 64})
    with pytest.raises(
        ModelFilesInvalid, match=f"not the pinned config.json of .*: its SHA-256 is {sha[:12]}, not 0000"
    ):
        source.require_pinned("config.json", path)


def test_a_replaced_part_lies_in_its_own_folder_or_beside_its_configuration(tmp_path):
    base, nested, flat = (str(written(tmp_path / name).parent) for name in ("base/unet", "nested/unet", "flat/unet"))
    flat = f"{flat}/unet"
    replaced = Source(base, parts={"unet": Source(nested)}).replaced("unet")
    assert (replaced[0].place, replaced[1]) == (nested, "unet/")
    replaced = Source(base, parts={"unet": Source(flat)}).replaced("unet")
    assert (replaced[0].place, replaced[1]) == (flat, "")
    assert Source(base).replaced("unet") == (Source(base), "unet/")
