"""Run the revisions inside the transaction that the registry's store has begun, so that all of them happen or none."""

from alembic import context

# No batch mode: it drops what it cannot reflect, and with foreign keys on it empties child tables.
context.configure(connection=context.config.attributes["connection"])
with context.begin_transaction():
    context.run_migrations()
