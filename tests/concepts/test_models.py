"""The registry's tables: named constraints, moments in UTC."""

from concepts.models import Base


def test_every_constraint_has_a_name():
    for table in Base.metadata.tables.values():
        assert all(constraint.name for constraint in table.constraints), table.name
