"""Run the revisions inside the store's open transaction: all of them or none."""

from alembic import context

# No batch mode: it drops constraints that it cannot reflect, and foreign keys would empty child tables.
context.configure(connection=context.config.attributes["connection"])
with context.begin_transaction():
    context.run_migrations()
