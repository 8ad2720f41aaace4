"""The hub's cache: what of a stack it has, and how that is removed."""

import pytest
from huggingface_hub import constants

from lambda_studio.models.files.hub_cache import cached_repositories, free_bytes, remove_repositories
from tests.hub_cache import put_repository


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path / "hub"


def test_only_the_named_repositories_are_removed(cache, prior_folder):
    assert cached_repositories(["a/prior"]) == {}
    assert free_bytes() > 0, "also of a cache that is not there yet"
    for repo in ("a/prior", "b/other"):
        put_repository(cache, repo, prior_folder)
    put_repository(cache, "a/prior", prior_folder, "f" * 40, main=False)
    size = sum(path.stat().st_size for path in prior_folder.iterdir())
    assert cached_repositories(["a/prior", "c/nothing"]) == {"a/prior": size}
    assert remove_repositories(["a/prior"]) == size
    assert cached_repositories(["a/prior", "b/other"]) == {"b/other": size}
