"""An embedding given in place of pictures moves from the shared cache to the version's note."""

import hashlib
import json
import re
from base64 import b64encode
from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

CHANGES_ROWS_OF = frozenset({"features", "blobs"})

LEFT_OUT = "lambda-studio pictures left out"
ONE_PIXEL = "width = 1 AND height = 1 AND mask_sha IS NULL"


def upgrade() -> None:
    given = {sha: note for sha in _notes() if (note := _with_views(sha)) is not None}
    versions = _versions_of(given)
    for sha, note in given.items():
        _store(note)
        _run(
            f"UPDATE version_images SET image_sha = :new WHERE image_sha = :old AND {ONE_PIXEL}",
            old=sha,
            new=_sha(note),
        )
    for version in versions:
        _write_manifest(version)
    _forget_cached()


def _notes() -> list[str]:
    """Return the hashes of all undamaged notes."""
    query = (
        f"SELECT DISTINCT sha, data FROM blobs JOIN version_images ON image_sha = sha WHERE {ONE_PIXEL} ORDER BY sha"
    )
    return [sha for sha, data in _run(query) if _pictures(bytes(data)) is not None and _sha(bytes(data)) == sha]


def _with_views(sha: str) -> bytes | None:
    """Return the note with its cached embeddings, or None if no undamaged one exists."""
    ((data,),) = _run("SELECT data FROM blobs WHERE sha = :sha", sha=sha)
    # One CLIP's numbers had equal values in every format; the key with float32 sorts last.
    cached = _run(
        "SELECT key, sha, data FROM features JOIN blobs ON blob_sha = sha"
        " WHERE image_sha = :sha AND kind = 'image_embeds' AND dtype = 'float32' ORDER BY key",
        sha=sha,
    )
    views = {
        kind: _view(kind, bytes(numbers))
        for key, name, numbers in cached
        if (kind := _kind(key)) and _sha(bytes(numbers)) == name and numbers and len(numbers) % 4 == 0
    }
    if not views:
        return None
    # Any user could have cached the embedding first: it may differ from the bundle's embedding.
    told = {"format": LEFT_OUT, "from_cache": True, "pictures": _pictures(bytes(data)), "version": 2}
    return _canonical({**told, "views": [views[kind] for kind in sorted(views)[:64]]})


def _pictures(data: bytes) -> list[Any] | None:
    try:
        told = json.loads(data)
        return told["pictures"] if (told["format"], told["version"]) == (LEFT_OUT, 1) else None
    except (ValueError, TypeError, KeyError, RecursionError):  # an ordinary image of one pixel
        return None


def _kind(key: str) -> tuple[str, str] | None:
    try:
        told = json.loads(key)
        encoder, preprocessing = told["encoder"]["fingerprint"], told["preprocessing"]
        return (encoder, preprocessing) if re.fullmatch(r"[0-9a-f]{64}", encoder) else None
    except (ValueError, TypeError, KeyError):  # not a key that this program wrote
        return None


def _view(kind: tuple[str, str], numbers: bytes) -> dict[str, Any]:
    encoder, preprocessing = kind
    told = {"data": b64encode(numbers).decode(), "dtype": "float32", "shape": [len(numbers) // 4]}
    return {**told, "encoder": encoder, "preprocessing": preprocessing}


def _versions_of(shas: Iterable[str]) -> list[int]:
    query = f"SELECT version_id FROM version_images WHERE image_sha = :sha AND {ONE_PIXEL}"
    return sorted({version for sha in shas for (version,) in _run(query, sha=sha)})


def _store(note: bytes) -> None:
    if not _run("SELECT sha FROM blobs WHERE sha = :sha", sha=_sha(note)):
        insert = sa.text("INSERT INTO blobs (sha, size, data) VALUES (:sha, :size, :data)")
        insert = insert.bindparams(sa.bindparam("data", type_=sa.LargeBinary()))
        op.get_bind().execute(insert, {"sha": _sha(note), "size": len(note), "data": note})


def _write_manifest(version: int) -> None:
    ((noun, former),) = _run("SELECT noun, manifest FROM concept_versions WHERE id = :id", id=version)
    images = _run("SELECT image_sha, mask_sha FROM version_images WHERE version_id = :id ORDER BY position", id=version)
    content = {"format": 1, "noun": noun, "images": [list(pair) for pair in images]}
    manifest = _sha(json.dumps(content, sort_keys=True, separators=(",", ":")).encode())
    _run("UPDATE concept_versions SET manifest = :new WHERE id = :id", new=manifest, id=version)
    for table in ("adapter_concepts", "run_concepts"):
        update = f"UPDATE {table} SET manifest = :new WHERE version_id = :id AND manifest = :old"
        _run(update, new=manifest, id=version, old=former)


def _forget_cached() -> None:
    """Delete unused notes, their cached embeddings and the bytes that nothing else uses."""
    unused = "NOT EXISTS (SELECT 1 FROM version_images WHERE {0} IN (image_sha, mask_sha))"
    stale = f"kind = 'image_embeds' AND mask_sha IS NULL AND {unused.format('features.image_sha')}"
    rows = _run(f"SELECT image_sha, blob_sha FROM features WHERE image_sha IS NOT NULL AND {stale}")
    _run(f"DELETE FROM features WHERE image_sha IS NOT NULL AND {stale}")
    needed = "NOT EXISTS (SELECT 1 FROM features WHERE :sha IN (image_sha, mask_sha, blob_sha))"
    kept = "NOT EXISTS (SELECT 1 FROM originals WHERE original_sha = :sha)"
    for sha in sorted({sha for row in rows for sha in row}):
        _run(f"DELETE FROM blobs WHERE sha = :sha AND {unused.format(':sha')} AND {needed} AND {kept}", sha=sha)


def _run(statement: str, **values: Any) -> list[Any]:
    result = op.get_bind().execute(sa.text(statement), values)
    return list(result) if result.returns_rows else []


def _sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _canonical(value: Any) -> bytes:
    # A frozen copy from lambda_studio.bundles.contents: a revision must not change with the code.
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
