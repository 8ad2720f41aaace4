"""A hub's cache in its own layout: blobs named by their hash, snapshots of links, and a ref."""

import hashlib
from pathlib import Path

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def put_repository(cache: Path, repo: str, folder: Path, commit: str = COMMIT, main: bool = True) -> Path:
    """Put a folder's files into a cache as one revision of a repository, as a download leaves them."""
    place = cache / f"models--{repo.replace('/', '--')}"
    snapshot = place / "snapshots" / commit
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        content = path.read_bytes()
        large = path.suffix == ".safetensors"
        name = hashlib.sha256(content) if large else hashlib.sha1(b"blob %d\0%b" % (len(content), content))
        blob, link = place / "blobs" / name.hexdigest(), snapshot / path.relative_to(folder)
        for each in (blob, link):
            each.parent.mkdir(parents=True, exist_ok=True)
        blob.write_bytes(content)
        link.symlink_to(blob)
    if main:
        (place / "refs").mkdir(exist_ok=True)
        (place / "refs/main").write_text(commit)
    return snapshot
