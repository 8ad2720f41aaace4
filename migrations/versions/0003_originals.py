"""The original files of images can be stored."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

CHANGES_ROWS_OF: frozenset[str] = frozenset()


def upgrade() -> None:
    op.create_table(
        "originals",
        sa.Column("version_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("original_sha", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["original_sha"], ["blobs.sha"], name=op.f("fk_originals_original_sha")),
        sa.ForeignKeyConstraint(
            ["version_id", "position"],
            ["version_images.version_id", "version_images.position"],
            name=op.f("fk_originals_version_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("version_id", "position", name=op.f("pk_originals")),
    )
    op.create_index(op.f("ix_originals_original_sha"), "originals", ["original_sha"])
