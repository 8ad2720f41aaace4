"""Images can have captions."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

CHANGES_ROWS_OF: frozenset[str] = frozenset()


def upgrade() -> None:
    op.create_table(
        "captions",
        sa.Column("version_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["version_id", "position"],
            ["version_images.version_id", "version_images.position"],
            name=op.f("fk_captions_version_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("version_id", "position", name=op.f("pk_captions")),
    )
