"""Find a model's files in a folder, in the hub's cache or on the hub."""

import hashlib
import json
import logging
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from concepts import durable
from lambda_studio.errors import ModelFilesInvalid, ModelFilesMissing
from lambda_studio.models.files.known_hashes import KnownHashes, user_note

OTHER_ROUTES = (
    "Use stack=miniature, which needs no download, or give stack=FILE.toml whose clip, prior and decoder "
    "are local folders."
)
HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
CACHE_BLOB = re.compile(r"[0-9a-f]{64}")
SMALL_BLOB = re.compile(r"[0-9a-f]{40}")
"""The name of a small file in the hub's cache: the hash of a blob of git."""
OnDownload = Callable[[], None]
"""A callback before a download from the hub, to notify the user."""


def is_hub_id(place: str) -> bool:
    """Return whether a place has the form of a hub id, `org/name`. Such a place is never a folder."""
    return HUB_ID.fullmatch(place) is not None


def find_cached(repo: str, names: Sequence[str], revision: str | None = None) -> Path | None:
    """Return the first of `names` in the hub's cache, or None. The hub is not asked."""
    from huggingface_hub import try_to_load_from_cache

    for name in names:
        cached = try_to_load_from_cache(repo, name, revision=revision)
        if isinstance(cached, str):
            return Path(cached)
    return None


def find_in_snapshots(repo: str, name: str) -> list[Path]:
    """Return this file in each cached revision of a repository."""
    from huggingface_hub import constants

    cache = Path(constants.HF_HUB_CACHE) / f"models--{repo.replace('/', '--')}"
    return sorted(path for path in cache.glob(f"snapshots/*/{name}") if path.is_file())


def download(repo: str, names: Sequence[str], revision: str | None, on_download: OnDownload | None = None) -> Path:
    """Return the first of `names` that the hub has, downloaded into its cache. Raises ModelFilesMissing."""
    from huggingface_hub import constants, hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError

    if on_download and not constants.HF_HUB_OFFLINE:
        on_download()
    problem: Exception | None = None
    for name in names:
        try:
            with _quiet_retries():
                return Path(hf_hub_download(repo, name, revision=revision))
        except LocalEntryNotFoundError as error:
            problem = error
            break
        except EntryNotFoundError as error:
            problem = error
        except (OSError, ValueError) as error:  # the hub's and the network's errors are all OSErrors
            problem = error
            break
    why = " ".join(str(problem).split())[:200]
    here = f" A folder needs a path: write ./{repo}." if Path(repo).is_dir() else ""
    raise ModelFilesMissing(f"{repo} is not on this machine and cannot be downloaded ({why}).", f"{OTHER_ROUTES}{here}")


@contextmanager
def _quiet_retries() -> Iterator[None]:
    """Silence the hub's warnings during the block. The error after the last retry says what they say."""
    logger = logging.getLogger("huggingface_hub")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


def read_json(path: Path) -> dict[str, Any]:
    """Return the object in a JSON file. Raises ModelFilesInvalid."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ModelFilesInvalid(f"{path} is not JSON ({error}).", "Fetch the model's files again.") from error
    if not isinstance(content, dict):
        raise ModelFilesInvalid(f"{path} is not a JSON object.", "Fetch the model's files again.")
    return content


def file_sha256(path: Path) -> str:
    """Return a file's SHA-256. In the hub's cache it is the file's name; other hashes are cached."""
    target = path.resolve()
    return _hash_in_name(target) or known_hashes().sha256(target)


def is_damaged(path: Path) -> bool:
    """Read the file again and return whether its hash differs from the known one."""
    target = path.resolve()
    if target.parent.name == "blobs" and SMALL_BLOB.fullmatch(target.name):
        return _git_hash(target) != target.name
    known = _hash_in_name(target) or known_hashes().find(target)
    if known is None:
        known_hashes().sha256(target)  # it is known from now on
        return False
    return durable.file_sha256(target) != known


@cache
def known_hashes() -> KnownHashes:
    """Return the hashes that this process knows, backed by this user's note."""
    return KnownHashes(user_note())


def _git_hash(path: Path) -> str:
    """Return the hash that git gives a file's content."""
    content = path.read_bytes()
    return hashlib.sha1(b"blob %d\0%b" % (len(content), content), usedforsecurity=False).hexdigest()


def _hash_in_name(target: Path) -> str | None:
    in_the_hubs_cache = target.parent.name == "blobs" and CACHE_BLOB.fullmatch(target.name)
    return target.name if in_the_hubs_cache else None


def fingerprint(config: Mapping[str, Any], files: Sequence[Path]) -> str:
    """Return a SHA-256 of a configuration and its files' bytes, independent of their paths."""
    said = {"config": {key: config[key] for key in config if not key.startswith("_")}}
    identity = json.dumps([said, [file_sha256(file) for file in files]], sort_keys=True, default=str)
    return hashlib.sha256(identity.encode()).hexdigest()
