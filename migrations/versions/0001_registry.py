"""The registry's first schema."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

CHANGES_ROWS_OF: frozenset[str] = frozenset()


def upgrade() -> None:
    _create_libraries_and_concepts()
    _create_content()
    _create_adapters()
    _create_runs()


def _create_libraries_and_concepts() -> None:
    # Libraries, concepts and versions.
    op.create_table(
        "libraries",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_key", sa.Text(), nullable=False),
        sa.Column("stack", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_libraries")),
        sa.UniqueConstraint("owner", "name_key", name=op.f("uq_libraries_owner_name_key")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "current_libraries",
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("library_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["library_id"], ["libraries.id"], name=op.f("fk_current_libraries_library_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("owner", name=op.f("pk_current_libraries")),
    )
    op.create_index(op.f("ix_current_libraries_library_id"), "current_libraries", ["library_id"])
    op.create_table(
        "concepts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("library_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_key", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["library_id"], ["libraries.id"], name=op.f("fk_concepts_library_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_concepts")),
        sa.UniqueConstraint("library_id", "name_key", name=op.f("uq_concepts_library_id_name_key")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "concept_versions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("concept_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("noun", sa.Text(), nullable=False),
        sa.Column("manifest", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.CheckConstraint("number >= 1", name=op.f("ck_concept_versions_number_from_one")),
        sa.ForeignKeyConstraint(
            ["concept_id"], ["concepts.id"], name=op.f("fk_concept_versions_concept_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_concept_versions")),
        sa.UniqueConstraint("concept_id", "number", name=op.f("uq_concept_versions_concept_id_number")),
        sqlite_autoincrement=True,
    )


def _create_content() -> None:
    # Blobs, images and features.
    op.create_table(
        "blobs",
        sa.Column("sha", sa.String(length=64), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("size = length(data)", name=op.f("ck_blobs_size_is_length")),
        sa.PrimaryKeyConstraint("sha", name=op.f("pk_blobs")),
    )
    op.create_table(
        "version_images",
        sa.Column("version_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("image_sha", sa.String(length=64), nullable=False),
        sa.Column("mask_sha", sa.String(length=64), nullable=True),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("source_name", sa.Text(), nullable=False),
        sa.Column("warnings", sa.JSON(), nullable=False),
        sa.CheckConstraint("width > 0 AND height > 0", name=op.f("ck_version_images_has_pixels")),
        sa.ForeignKeyConstraint(["image_sha"], ["blobs.sha"], name=op.f("fk_version_images_image_sha")),
        sa.ForeignKeyConstraint(["mask_sha"], ["blobs.sha"], name=op.f("fk_version_images_mask_sha")),
        sa.ForeignKeyConstraint(
            ["version_id"], ["concept_versions.id"], name=op.f("fk_version_images_version_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("version_id", "position", name=op.f("pk_version_images")),
    )
    op.create_index(op.f("ix_version_images_image_sha"), "version_images", ["image_sha"])
    op.create_index(op.f("ix_version_images_mask_sha"), "version_images", ["mask_sha"])
    op.create_table(
        "features",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("image_sha", sa.String(length=64), nullable=True),
        sa.Column("mask_sha", sa.String(length=64), nullable=True),
        sa.Column("blob_sha", sa.String(length=64), nullable=False),
        sa.Column("shape", sa.JSON(), nullable=False),
        sa.Column("dtype", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["blob_sha"], ["blobs.sha"], name=op.f("fk_features_blob_sha")),
        sa.ForeignKeyConstraint(["image_sha"], ["blobs.sha"], name=op.f("fk_features_image_sha")),
        sa.ForeignKeyConstraint(["mask_sha"], ["blobs.sha"], name=op.f("fk_features_mask_sha")),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_features")),
    )
    op.create_index(op.f("ix_features_blob_sha"), "features", ["blob_sha"])
    op.create_index(op.f("ix_features_image_sha"), "features", ["image_sha"])
    op.create_index(op.f("ix_features_mask_sha"), "features", ["mask_sha"])


def _create_adapters() -> None:
    # Adapters and the versions that they were trained on.
    op.create_table(
        "adapters",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("library_id", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("stack", sa.Text(), nullable=False),
        sa.Column("settings", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["library_id"], ["libraries.id"], name=op.f("fk_adapters_library_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_adapters")),
        sa.UniqueConstraint("library_id", "sha256", name=op.f("uq_adapters_library_id_sha256")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "adapter_concepts",
        sa.Column("adapter_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("version_id", sa.Integer(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("manifest", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["adapter_id"], ["adapters.id"], name=op.f("fk_adapter_concepts_adapter_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["version_id"], ["concept_versions.id"], name=op.f("fk_adapter_concepts_version_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("adapter_id", "position", name=op.f("pk_adapter_concepts")),
    )
    op.create_index(op.f("ix_adapter_concepts_version_id"), "adapter_concepts", ["version_id"])


def _create_runs() -> None:
    # Runs and the versions that they train on.
    op.create_table(
        "runs",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("library_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("settings", sa.JSON(), nullable=False),
        sa.Column("why", sa.Text(), nullable=True),
        sa.Column("adapter_id", sa.Integer(), nullable=True),
        sa.Column("started_at", sa.DateTime(), nullable=False),
        sa.Column("ended_at", sa.DateTime(), nullable=True),
        sa.CheckConstraint("status IN ('running', 'finished', 'failed')", name=op.f("ck_runs_status_known")),
        sa.ForeignKeyConstraint(["adapter_id"], ["adapters.id"], name=op.f("fk_runs_adapter_id"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["library_id"], ["libraries.id"], name=op.f("fk_runs_library_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_runs")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_runs_adapter_id"), "runs", ["adapter_id"])
    op.create_index(op.f("ix_runs_library_id"), "runs", ["library_id"])
    op.create_table(
        "run_concepts",
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("version_id", sa.Integer(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("manifest", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_run_concepts_run_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["version_id"], ["concept_versions.id"], name=op.f("fk_run_concepts_version_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("run_id", "position", name=op.f("pk_run_concepts")),
    )
    op.create_index(op.f("ix_run_concepts_version_id"), "run_concepts", ["version_id"])
