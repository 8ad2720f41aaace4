"""Cached results of frozen encoders. A damaged value counts as missing; storing it again repairs it."""

from collections.abc import Collection

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session

from concepts.models import Blob, Feature, VersionImage
from concepts.records import FeatureRecord, sha256
from concepts.rows.blobs import collect, of_one_pixel, store_blob, visible_image

_KEYS_A_QUERY = 500  # SQLite limits the variables of one statement


def find_features(session: Session, user: str, keys: Collection[str]) -> dict[str, FeatureRecord]:
    """Return the undamaged features of these keys that have no image or an image that the user can see."""
    wanted = list(dict.fromkeys(keys))
    found: dict[str, FeatureRecord] = {}
    for start in range(0, len(wanted), _KEYS_A_QUERY):
        rows = select(Feature, Blob.data).join(Blob, Feature.blob_sha == Blob.sha)
        rows = rows.where(_visible(user))
        for feature, data in session.execute(rows.where(Feature.key.in_(wanted[start : start + _KEYS_A_QUERY]))):
            if sha256(data) == feature.blob_sha:
                found[feature.key] = _record(feature, data)
    return found


def computed_keys(session: Session, user: str) -> list[str]:
    """Return the keys of all features that the user can see."""
    return list(session.scalars(select(Feature.key).where(_visible(user))))


def drop_features(session: Session, user: str, keys: Collection[str]) -> None:
    """Delete the features of these keys that the user can see, with their bytes."""
    unwanted = list(keys)
    for start in range(0, len(unwanted), _KEYS_A_QUERY):
        chunk = Feature.key.in_(unwanted[start : start + _KEYS_A_QUERY])
        rows = session.scalars(select(Feature).where(chunk, _visible(user))).all()
        for row in rows:
            session.delete(row)
        session.flush()
        collect(session, [row.blob_sha for row in rows])


def put_feature(session: Session, user: str, new: FeatureRecord, image_sha: str | None, mask_sha: str | None) -> bool:
    """Cache a feature while its picture, with that mask, is stored. Return False if the user cannot see the picture."""
    if image_sha is not None and not _shown(session, user, image_sha, mask_sha):
        return False
    if find_features(session, user, [new.key]):
        return True
    blob_sha = sha256(new.data)
    store_blob(session, blob_sha, new.data)
    former = session.get(Feature, new.key)
    former_sha = None if former is None else former.blob_sha
    row = Feature(key=new.key, kind=new.kind, image_sha=image_sha, mask_sha=mask_sha, blob_sha=blob_sha)
    row.shape, row.dtype = list(new.shape), new.dtype
    session.merge(row)
    session.flush()
    collect(session, [former_sha])
    return True


def _visible(user: str) -> ColumnElement[bool]:
    """Return the condition that a feature has no image, or a picture with its mask that the user can see.

    A note in place of pictures carries its own embeddings. A cached value never replaces them.
    """
    same_mask = or_(Feature.mask_sha.is_(None), VersionImage.mask_sha == Feature.mask_sha)
    shown = visible_image(user, and_(VersionImage.image_sha == Feature.image_sha, same_mask, ~of_one_pixel()))
    return or_(Feature.image_sha.is_(None), shown)


def _shown(session: Session, user: str, image_sha: str, mask_sha: str | None) -> bool:
    matches = and_(VersionImage.image_sha == image_sha, ~of_one_pixel())
    if mask_sha is not None:
        matches = and_(matches, VersionImage.mask_sha == mask_sha)
    return bool(session.scalar(select(visible_image(user, matches))))


def _record(feature: Feature, data: bytes) -> FeatureRecord:
    return FeatureRecord(feature.key, feature.kind, data, tuple(feature.shape), feature.dtype)
