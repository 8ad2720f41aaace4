"""${message}"""

from alembic import op
import sqlalchemy as sa
${imports if imports else ""}
revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}

CHANGES_ROWS_OF: frozenset[str] = frozenset()
"""Tables whose number of rows this revision changes; the upgrade is undone where another's has changed."""


def upgrade() -> None:
    ${upgrades if upgrades else "pass"}
