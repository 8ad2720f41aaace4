"""Run the revisions inside the transaction that `concepts.schema` has begun, so that all of them happen or none."""

from alembic import context

from concepts.models import Base

# No batch mode: it drops what it cannot reflect, and with foreign keys on it empties child tables.
context.configure(connection=context.config.attributes["connection"], target_metadata=Base.metadata)
with context.begin_transaction():
    context.run_migrations()
