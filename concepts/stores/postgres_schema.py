"""The registry's tables in a PostgreSQL database: whether they are ours, how they are made and brought up to date."""

from sqlalchemy import Connection, Engine, text

import migrations
from concepts.errors import DatabaseTooNew, DatabaseUnusable
from concepts.models import IN_USE, NAME_IN_USE

NAME_IN_USE.dialect_kwargs["postgresql_where"] = IN_USE

LOCK = 0x4C535444
"""The advisory lock of whoever makes or upgrades the tables: "LSTD"; each database has its own."""

MARK = "lambda-studio"
"""The comment on `alembic_version` by which tables are known as ours; other programs have such a table too."""

_OTHER_DATABASE = "It was left as it is: make another for λ-Studio with createdb, and name that."
# One statement, so one moment: between two, another program may have made the tables.
_TABLES = text("""
    SELECT relname, description FROM pg_class
    LEFT JOIN pg_description ON objoid = pg_class.oid AND classoid = 'pg_class'::regclass AND objsubid = 0
    WHERE relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema()) AND relkind IN ('r', 'p')
    ORDER BY relname
""")
# The database's owner can be a role that stands for the team, and then all of it owns the tables.
_OWNER = text("""
    SELECT pg_get_userbyid(datdba) FROM pg_database
    WHERE datname = current_database() AND pg_has_role(session_user, datdba, 'MEMBER')
""")


def find_revision(connection: Connection, label: str) -> str | None:
    """The revision that the tables have; None where the schema is empty. Raises DatabaseUnusable for others' tables."""
    tables = {name: comment for name, comment in connection.execute(_TABLES)}
    if "alembic_version" not in tables:
        if tables:
            raise DatabaseUnusable(f"{label} holds other tables: {', '.join([*tables][:5])}.", _OTHER_DATABASE)
        return None
    if tables["alembic_version"] != MARK:
        raise DatabaseUnusable(f"{label} is another program's database.", _OTHER_DATABASE)
    revisions = connection.execute(text("SELECT version_num FROM alembic_version")).scalars().all()
    if len(revisions) != 1:
        raise DatabaseUnusable(f"{label} has {len(revisions)} schema versions.", "Restore a dump: pg_restore.")
    return str(revisions[0])


def bring_up(engine: Engine, label: str, user: str) -> None:
    """Make the tables or upgrade them: all of it or nothing, and by one program however many start at once.

    Raises DatabaseTooNew, DatabaseUnusable; the database is then as it was.
    """
    from concepts.stores.upgrade import (  # Alembic is slow to import
        find_fault,
        row_counts,
        rows_changed_since,
        run_revisions,
    )

    with engine.begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK})
        before = find_revision(connection, label)
        if before == migrations.HEAD:  # another program was faster
            return
        if before is not None:
            require_known(label, before)
        _work_as_owner(connection)
        counts = {} if before is None else row_counts(connection)
        run_revisions(connection, user)
        connection.execute(text(f"COMMENT ON TABLE alembic_version IS '{MARK}'"))
        if fault := find_fault(connection, counts, rows_changed_since(before or "base")):
            remedy = "Nothing was changed; please report this, with the versions."
            raise DatabaseUnusable(f"{label} could not be brought up from schema {before}: {fault}.", remedy)


def require_known(label: str, revision: str) -> None:
    """Raise DatabaseTooNew for a revision that this code does not have."""
    from concepts.stores.upgrade import known_revisions

    if revision not in known_revisions():
        cause = f"{label} has schema {revision[:40]!r}, which is newer than this version knows ({migrations.HEAD})."
        raise DatabaseTooNew(cause, "Update λ-Studio: pip install -U lambda-studio. The database was left as it is.")


def _work_as_owner(connection: Connection) -> None:
    if (owner := connection.execute(_OWNER).scalar()) is not None:
        connection.exec_driver_sql(f"SET LOCAL ROLE {connection.dialect.identifier_preparer.quote_identifier(owner)}")
