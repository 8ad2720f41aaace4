"""A concept in the database of each test."""

import pytest

from concepts.database import Database
from concepts.records import ConceptRecord


@pytest.fixture
def rex(database: Database, picture) -> ConceptRecord:
    """A concept with one image."""
    with database.transaction() as registry:
        return registry.add_concept("default", "rex", "dog", [picture("a")]).concept
