"""Libraries get owners and members; removed concepts stay until they are forgotten."""

import unicodedata

import sqlalchemy as sa
from alembic import context, op

revision = "0002"
down_revision = "0001"

CHANGES_ROWS_OF: frozenset[str] = frozenset()

IN_USE = sa.text("removed_at IS NULL")


def upgrade() -> None:
    _let_removed_concepts_stay()
    _create_members()
    _give_libraries_to_whoever_upgrades(context.config.attributes["user"])
    _compare_names_anew("libraries", "owner")
    _compare_names_anew("concepts", "library_id")


def _let_removed_concepts_stay() -> None:
    # SQLite cannot drop a UNIQUE constraint: rebuild the table without batch mode. Child tables refer to its name.
    if op.get_bind().dialect.name == "sqlite":
        _rebuild_concepts()
    else:
        op.drop_constraint("uq_concepts_library_id_name_key", "concepts", type_="unique")
        op.add_column("concepts", sa.Column("removed_at", sa.DateTime(), nullable=True))
        for table in ("libraries", "concepts"):  # in SQLite's order, independent of the server's locale
            op.alter_column(table, "name_key", type_=sa.Text(collation="C"))
    op.create_index(
        "uq_concepts_name_in_use",
        "concepts",
        ["library_id", "name_key"],
        unique=True,
        sqlite_where=IN_USE,
        postgresql_where=IN_USE,
    )
    op.create_index("ix_concepts_library_id", "concepts", ["library_id"])


def _rebuild_concepts() -> None:
    op.create_table(
        "concepts_anew",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("library_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_key", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("removed_at", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["library_id"], ["libraries.id"], name=op.f("fk_concepts_library_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_concepts")),
        sqlite_autoincrement=True,
    )
    columns = "id, library_id, name, name_key, created_at"
    op.execute(f"INSERT INTO concepts_anew ({columns}) SELECT {columns} FROM concepts")
    # The id of a deleted concept must never be reused.
    op.execute("DELETE FROM sqlite_sequence WHERE name = 'concepts_anew'")
    op.execute(
        "INSERT INTO sqlite_sequence (name, seq) SELECT 'concepts_anew', seq FROM sqlite_sequence"
        " WHERE name = 'concepts'"
    )
    op.drop_table("concepts")
    op.rename_table("concepts_anew", "concepts")


def _create_members() -> None:
    op.create_table(
        "members",
        sa.Column("library_id", sa.Integer(), nullable=False),
        sa.Column("user", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.CheckConstraint("role IN ('reader', 'editor', 'owner')", name=op.f("ck_members_role_known")),
        sa.ForeignKeyConstraint(
            ["library_id"], ["libraries.id"], name=op.f("fk_members_library_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("library_id", "user", name=op.f("pk_members")),
    )
    op.create_index(op.f("ix_members_user"), "members", ["user"])


def _give_libraries_to_whoever_upgrades(user: str) -> None:
    # Schema 0001 had one owner, named "local".
    for table in ("libraries", "current_libraries"):
        op.execute(sa.text(f"UPDATE {table} SET owner = :user WHERE owner = 'local'").bindparams(user=user))


def _compare_names_anew(table: str, scope: str) -> None:
    # Under the new comparison, some names become duplicates. A name whose key is unchanged stays; others get a number.
    connection = op.get_bind()
    rows = connection.execute(sa.text(f"SELECT id, {scope}, name, name_key FROM {table} ORDER BY id")).fetchall()
    taken = {(place, key) for _, place, name, key in rows if key == _name_key(name)}
    for row_id, place, name, key in rows:
        if key == _name_key(name):
            continue
        free, number = name, 1
        while (place, _name_key(free)) in taken:
            number += 1
            free = f"{name[:70]} ({number})"
        taken.add((place, _name_key(free)))
        update = sa.text(f"UPDATE {table} SET name = :name, name_key = :key WHERE id = :id")
        connection.execute(update.bindparams(name=free, key=_name_key(free), id=row_id))


def _name_key(name: str) -> str:
    # A frozen copy from concepts.names: a revision must not change with the code.
    unseen = {*range(0x180B, 0x1810), *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)}
    unseen |= {0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x200C, 0x200D, 0x3164, 0xFFA0}
    key = unicodedata.normalize("NFD", name)
    for _ in range(2):
        key = unicodedata.normalize("NFKC", key.casefold().translate(dict.fromkeys(unseen)))
    return key
