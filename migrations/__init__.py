"""How the registry got its shape: Alembic revisions, run in code by `concepts.schema`."""

HEAD = "0004"
"""The revision this code works with."""
