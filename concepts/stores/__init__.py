"""The registry's stores: a SQLite file, or a database on a PostgreSQL server."""
