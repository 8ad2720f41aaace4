"""Where a registry is kept: a SQLite file, or a database on a PostgreSQL server."""
