"""The registry's tables in a PostgreSQL database: recognising, creating and upgrading them."""

from typing import Any

from sqlalchemy import Connection, Engine, text

import migrations
from concepts.errors import DatabaseTooNew, DatabaseUnusable
from concepts.models import IN_USE, NAME_IN_USE

NAME_IN_USE.dialect_kwargs["postgresql_where"] = IN_USE

LOCK = 0x4C535444
"""The key ("LSTD") of the advisory lock held while tables are created or upgraded. Each database has its own."""

MARK = "lambda-studio"
"""The comment on `alembic_version` that marks the registry's tables. Other programs also use that table's name."""

_OTHER_DATABASE = "It was not changed. Create a database for λ-Studio with createdb, and name that one."
# One statement, so one snapshot: between two, another process could create the tables.
_TABLES = text("""
    SELECT relname, description FROM pg_class
    LEFT JOIN pg_description ON objoid = pg_class.oid AND classoid = 'pg_class'::regclass AND objsubid = 0
    WHERE relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema()) AND relkind IN ('r', 'p')
    ORDER BY relname
""")
# An object of another role could stand for a function or an operator that the registry calls, and would run as each
# user (https://www.postgresql.org/docs/current/ddl-schemas.html#DDL-SCHEMAS-PATTERNS). So only the registry's own
# schema is looked through, and what is called until then is PostgreSQL's own by name.
_OWN_SCHEMA_ONLY = """
    SELECT pg_catalog.set_config(
        'search_path', pg_catalog.concat(pg_catalog.quote_ident(current_schema::pg_catalog.text), ', pg_temp'), false
    ) WHERE current_schema IS NOT NULL
"""
_OPEN_TO_ALL = text("""
    SELECT nspname FROM pg_catalog.pg_namespace, pg_catalog.aclexplode(nspacl) AS granted
    WHERE nspname OPERATOR(pg_catalog.=) current_schema
    AND granted.grantee OPERATOR(pg_catalog.=) 0::pg_catalog.oid
    AND granted.privilege_type OPERATOR(pg_catalog.=) 'CREATE'::pg_catalog.text
""")
# The database's owner may be a team's role. Then the whole team owns the tables.
_OWNER = text("""
    SELECT pg_get_userbyid(datdba) FROM pg_database
    WHERE datname = current_database() AND pg_has_role(session_user, datdba, 'MEMBER')
""")


def look_in_own_schema(connection: Any) -> None:
    """Let a new connection of the driver find objects of the registry's schema and of PostgreSQL only."""
    with connection.cursor() as cursor:
        cursor.execute(_OWN_SCHEMA_ONLY)
    connection.commit()


def require_closed(connection: Connection, label: str) -> None:
    """Raise DatabaseUnusable if every role of the server may make objects beside the registry's tables."""
    schema = connection.execute(_OPEN_TO_ALL).scalar()
    if schema is not None:
        quoted = connection.dialect.identifier_preparer.quote_identifier(schema)
        cause = f"In {label} every role of the server may create objects in the schema {schema}, which you would run."
        remedy = f"Let its owner run: REVOKE CREATE ON SCHEMA {quoted} FROM PUBLIC. Nothing was changed."
        raise DatabaseUnusable(cause, remedy)


def find_revision(connection: Connection, label: str) -> str | None:
    """Return the tables' revision, or None for an empty schema. Raises DatabaseUnusable for other programs' tables."""
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
    """Create or upgrade the tables in one transaction, under a lock. A failed upgrade changes nothing.

    Raises:
        DatabaseTooNew: a newer version wrote the database.
        DatabaseUnusable: the tables are another program's, or the upgrade failed.
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
        if before == migrations.HEAD:  # another process was faster
            return
        if before is not None:
            require_known(label, before)
        _work_as_owner(connection)
        counts = {} if before is None else row_counts(connection)
        run_revisions(connection, user)
        connection.execute(text(f"COMMENT ON TABLE alembic_version IS '{MARK}'"))
        if fault := find_fault(connection, counts, rows_changed_since(before or "base")):
            remedy = "Nothing was changed. Please report this, with the versions."
            raise DatabaseUnusable(f"{label} could not be upgraded from schema {before}: {fault}.", remedy)


def require_known(label: str, revision: str) -> None:
    """Raise DatabaseTooNew for a revision that this version does not know."""
    from concepts.stores.upgrade import known_revisions

    if revision not in known_revisions():
        cause = f"{label} has schema {revision[:40]!r}, which is newer than this version knows ({migrations.HEAD})."
        raise DatabaseTooNew(cause, "Update λ-Studio: pip install -U lambda-studio. The database was not changed.")


def _work_as_owner(connection: Connection) -> None:
    if (owner := connection.execute(_OWNER).scalar()) is not None:
        connection.exec_driver_sql(f"SET LOCAL ROLE {connection.dialect.identifier_preparer.quote_identifier(owner)}")
