"""The hub's cache of this machine: its free space, and repositories that are removed from it."""

import shutil
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from huggingface_hub import CachedRepoInfo


def cache_folder() -> Path:
    """Return the folder of the hub's cache. It may be missing."""
    from huggingface_hub import constants

    return Path(constants.HF_HUB_CACHE)


def free_bytes() -> int:
    """Return the free bytes of the cache's disk."""
    folder = cache_folder().absolute()
    there = next(each for each in (folder, *folder.parents) if each.exists())
    return shutil.disk_usage(there).free


def cached_repositories(repos: Collection[str]) -> dict[str, int]:
    """Return which of these repositories the cache has, with the bytes of each."""
    return {repo.repo_id: repo.size_on_disk for repo in _find(repos)}


def remove_repositories(repos: Collection[str]) -> int:
    """Remove these repositories, in all their revisions, from the cache. Return the freed bytes."""
    found = _find(repos)
    for repo in found:
        shutil.rmtree(repo.repo_path)
    return sum(repo.size_on_disk for repo in found)


def _find(repos: Collection[str]) -> "list[CachedRepoInfo]":
    if not cache_folder().is_dir():
        return []
    from huggingface_hub import scan_cache_dir

    found = [repo for repo in scan_cache_dir(cache_folder()).repos if repo.repo_type == "model"]
    return sorted((repo for repo in found if repo.repo_id in repos), key=lambda repo: repo.repo_id)
