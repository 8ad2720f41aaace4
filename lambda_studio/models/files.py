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
from lambda_studio.models.known_hashes import KnownHashes, user_note

OTHER_ROUTES = (
    "Use stack=miniature, which needs no download, or give stack=FILE.toml whose clip, prior and decoder "
    "are local folders."
)
HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")
CACHE_BLOB = re.compile(r"[0-9a-f]{64}")
OnDownload = Callable[[], None]
"""A callback before a download from the hub, to notify the user."""


def get_file(
    source: str, names: Sequence[str], revision: str | None = None, on_download: OnDownload | None = None
) -> Path:
    """Return the first of `names` in `source`, a folder or a hub id. It is downloaded from the hub if needed.

    Raises ModelFilesMissing.
    """
    folder = Path(source).expanduser()
    if folder.is_dir():
        found = next((folder / name for name in names if (folder / name).is_file()), None)
        if found is None:
            raise ModelFilesMissing(f"The folder {source} has no {' or '.join(names)}.", OTHER_ROUTES)
        return found
    if not HUB_ID.fullmatch(source):
        raise ModelFilesMissing(f"There is no folder {source}.", OTHER_ROUTES)
    return _find_cached(source, names, revision) or _download(source, names, revision, on_download)


def _find_cached(repo: str, names: Sequence[str], revision: str | None) -> Path | None:
    from huggingface_hub import try_to_load_from_cache

    for name in names:
        cached = try_to_load_from_cache(repo, name, revision=revision)
        if isinstance(cached, str):
            return Path(cached)
    return None


def _download(repo: str, names: Sequence[str], revision: str | None, on_download: OnDownload | None) -> Path:
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
    raise ModelFilesMissing(f"{repo} is not on this machine and cannot be downloaded ({why}).", OTHER_ROUTES)


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
    known = _hash_in_name(target) or known_hashes().find(target)
    if known is None:
        known_hashes().sha256(target)  # it is known from now on
        return False
    return durable.file_sha256(target) != known


@cache
def known_hashes() -> KnownHashes:
    """Return the hashes that this process knows, backed by this user's note."""
    return KnownHashes(user_note())


def _hash_in_name(target: Path) -> str | None:
    in_the_hubs_cache = target.parent.name == "blobs" and CACHE_BLOB.fullmatch(target.name)
    return target.name if in_the_hubs_cache else None


def fingerprint(config: Mapping[str, Any], files: Sequence[Path]) -> str:
    """Return a SHA-256 of a configuration and its files' bytes, independent of their paths."""
    said = {"config": {key: config[key] for key in config if not key.startswith("_")}}
    identity = json.dumps([said, [file_sha256(file) for file in files]], sort_keys=True, default=str)
    return hashlib.sha256(identity.encode()).hexdigest()
