"""The registry's schema as Alembic revisions, run by `concepts.stores.upgrade`."""

HEAD = "0005"
"""The revision that this version works with."""
