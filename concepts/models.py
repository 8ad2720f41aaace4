"""The registry's tables. Every constraint has a name."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

from sqlalchemy import (
    JSON,
    CheckConstraint,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    MetaData,
    String,
    Text,
    TypeDecorator,
    UniqueConstraint,
    text,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from concepts.errors import DatabaseUnusable

CONSTRAINT_NAMES = {
    "pk": "pk_%(table_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "ix": "ix_%(table_name)s_%(column_0_name)s",
}

NUMBERED: dict[str, Any] = {"sqlite_autoincrement": True}  # the id of a deleted row is never reused
Sha = String(64)
IN_USE = text("removed_at IS NULL")
# stores/postgres_schema.py adds PostgreSQL's condition: naming it here would import SQLAlchemy's whole dialect.
NAME_IN_USE = Index("uq_concepts_name_in_use", "library_id", "name_key", unique=True, sqlite_where=IN_USE)


class Sound(TypeDecorator[Any]):
    """A column whose values are converted. A stored value that cannot be is damage, and no fault of the program."""

    impl: Any = LargeBinary
    cache_ok = True

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], Any] | None:
        convert = super().result_processor(dialect, coltype)
        return convert and partial(_converted, convert)


def _converted(convert: Callable[[Any], Any], value: Any) -> Any:
    try:
        return convert(value)
    except (TypeError, ValueError) as error:
        raise DatabaseUnusable(
            f"A value in the database is damaged ({error}).", "See which: studio db check. Restore a backup."
        ) from error


class Bytes(Sound):
    """Bytes."""

    cache_ok = True

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        if isinstance(value, str):  # SQLite stores any value in any column
            raise TypeError("text in place of bytes")
        return value


class Json(Sound):
    """A list or an object, as JSON text."""

    impl = JSON
    cache_ok = True

    def __init__(self, kind: type[list[Any]] | type[dict[str, Any]]):
        super().__init__()
        self.kind = kind

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        if not isinstance(value, self.kind):
            raise TypeError(f"no JSON {self.kind.__name__}")
        return value


class UtcDateTime(Sound):
    """A timezone-aware datetime in UTC, stored without its zone."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value and value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value and value.replace(tzinfo=UTC)


def now() -> datetime:
    """Return the current time in UTC."""
    return datetime.now(UTC)


class Base(DeclarativeBase):
    """The declarative base with the registry's metadata."""

    metadata = MetaData(naming_convention=CONSTRAINT_NAMES)


class Library(Base):
    """A person's or a team's set of concepts. Names are unique for one owner."""

    __tablename__ = "libraries"
    __table_args__ = (UniqueConstraint("owner", "name_key"), NUMBERED)

    id: Mapped[int] = mapped_column(primary_key=True)
    owner: Mapped[str] = mapped_column(Text)
    name: Mapped[str] = mapped_column(Text)
    name_key: Mapped[str] = mapped_column(Text)
    stack: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


class Member(Base):
    """A user with whom the owner shares a library, and the user's role."""

    __tablename__ = "members"
    __table_args__ = (CheckConstraint("role IN ('reader', 'editor', 'owner')", name="role_known"),)

    library_id: Mapped[int] = mapped_column(ForeignKey("libraries.id", ondelete="CASCADE"), primary_key=True)
    user: Mapped[str] = mapped_column(Text, primary_key=True, index=True)
    role: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


class CurrentLibrary(Base):
    """The library that a user (`owner`) works in if a command names none."""

    __tablename__ = "current_libraries"

    owner: Mapped[str] = mapped_column(Text, primary_key=True)
    library_id: Mapped[int] = mapped_column(ForeignKey("libraries.id", ondelete="CASCADE"), index=True)


class Concept(Base):
    """A named subject. `name_key` is unique among the concepts of a library that are not removed."""

    __tablename__ = "concepts"
    __table_args__ = (
        NAME_IN_USE,
        Index("ix_concepts_library_id", "library_id"),
        NUMBERED,
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    library_id: Mapped[int] = mapped_column(ForeignKey("libraries.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(Text)
    name_key: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    removed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class ConceptVersion(Base):
    """An immutable version of a concept. The highest number is the current version."""

    __tablename__ = "concept_versions"
    __table_args__ = (
        UniqueConstraint("concept_id", "number"),
        CheckConstraint("number >= 1", name="number_from_one"),
        NUMBERED,
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    concept_id: Mapped[int] = mapped_column(ForeignKey("concepts.id", ondelete="CASCADE"))
    number: Mapped[int]
    noun: Mapped[str] = mapped_column(Text)
    manifest: Mapped[str] = mapped_column(Sha)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


class Blob(Base):
    """Bytes, named by their SHA-256."""

    __tablename__ = "blobs"
    __table_args__ = (CheckConstraint("size = length(data)", name="size_is_length"),)

    sha: Mapped[str] = mapped_column(Sha, primary_key=True)
    size: Mapped[int]
    data: Mapped[bytes] = mapped_column(Bytes, deferred=True)


class VersionImage(Base):
    """A reference image of a version, in the given order. Without a mask, the whole image is the subject."""

    __tablename__ = "version_images"
    __table_args__ = (CheckConstraint("width > 0 AND height > 0", name="has_pixels"),)

    version_id: Mapped[int] = mapped_column(ForeignKey("concept_versions.id", ondelete="CASCADE"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    image_sha: Mapped[str] = mapped_column(ForeignKey("blobs.sha"), index=True)
    mask_sha: Mapped[str | None] = mapped_column(ForeignKey("blobs.sha"), index=True)
    width: Mapped[int]
    height: Mapped[int]
    source_name: Mapped[str] = mapped_column(Text)
    warnings: Mapped[list[str]] = mapped_column(Json(list))


class Original(Base):
    """The original file of an image, stored if the user asked for it. It still has its metadata."""

    __tablename__ = "originals"
    __table_args__ = (
        ForeignKeyConstraint(
            ["version_id", "position"], ["version_images.version_id", "version_images.position"], ondelete="CASCADE"
        ),
    )

    version_id: Mapped[int] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    original_sha: Mapped[str] = mapped_column(ForeignKey("blobs.sha"), index=True)


class Caption(Base):
    """What a text beside an image's file says of the image, on one line."""

    __tablename__ = "captions"
    __table_args__ = (
        ForeignKeyConstraint(
            ["version_id", "position"], ["version_images.version_id", "version_images.position"], ondelete="CASCADE"
        ),
    )

    version_id: Mapped[int] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str] = mapped_column(Text)


class Feature(Base):
    """A cached result of a frozen encoder. `key` names everything the value depends on."""

    __tablename__ = "features"

    key: Mapped[str] = mapped_column(Text, primary_key=True)
    kind: Mapped[str] = mapped_column(Text)
    image_sha: Mapped[str | None] = mapped_column(ForeignKey("blobs.sha"), index=True)
    mask_sha: Mapped[str | None] = mapped_column(ForeignKey("blobs.sha"), index=True)
    blob_sha: Mapped[str] = mapped_column(ForeignKey("blobs.sha"), index=True)
    shape: Mapped[list[int]] = mapped_column(Json(list))
    dtype: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


class Adapter(Base):
    """The result of fine-tuning: a file beside the database, named by its SHA-256."""

    __tablename__ = "adapters"
    __table_args__ = (UniqueConstraint("library_id", "sha256"), NUMBERED)

    id: Mapped[int] = mapped_column(primary_key=True)
    library_id: Mapped[int] = mapped_column(ForeignKey("libraries.id", ondelete="CASCADE"))
    sha256: Mapped[str] = mapped_column(Sha)
    file_name: Mapped[str] = mapped_column(Text)
    method: Mapped[str] = mapped_column(Text)
    stack: Mapped[str] = mapped_column(Text)
    settings: Mapped[dict[str, Any]] = mapped_column(Json(dict))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


class Run(Base):
    """One training run: its settings, its status and its adapter."""

    __tablename__ = "runs"
    __table_args__ = (CheckConstraint("status IN ('running', 'finished', 'failed')", name="status_known"), NUMBERED)

    id: Mapped[int] = mapped_column(primary_key=True)
    library_id: Mapped[int] = mapped_column(ForeignKey("libraries.id", ondelete="CASCADE"), index=True)
    kind: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(Text, default="running")
    settings: Mapped[dict[str, Any]] = mapped_column(Json(dict))
    why: Mapped[str | None] = mapped_column(Text)
    adapter_id: Mapped[int | None] = mapped_column(ForeignKey("adapters.id", ondelete="SET NULL"), index=True)
    started_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class AdapterConcept(Base):
    """A version that an adapter was trained on. Name, number and manifest stay after the version is deleted."""

    __tablename__ = "adapter_concepts"

    adapter_id: Mapped[int] = mapped_column(ForeignKey("adapters.id", ondelete="CASCADE"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    version_id: Mapped[int | None] = mapped_column(ForeignKey("concept_versions.id", ondelete="SET NULL"), index=True)
    name: Mapped[str] = mapped_column(Text)
    number: Mapped[int]
    manifest: Mapped[str] = mapped_column(Sha)


class RunConcept(Base):
    """A version that a run trains on. Name, number and manifest stay after the version is deleted."""

    __tablename__ = "run_concepts"

    run_id: Mapped[int] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    version_id: Mapped[int | None] = mapped_column(ForeignKey("concept_versions.id", ondelete="SET NULL"), index=True)
    name: Mapped[str] = mapped_column(Text)
    number: Mapped[int]
    manifest: Mapped[str] = mapped_column(Sha)
