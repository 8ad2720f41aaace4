"""A concept in one more library: bytes are shared, and nothing else."""

from dataclasses import replace

import pytest

from concepts.database import Database
from concepts.errors import (
    ContentDamaged,
)
from concepts.records import sha256


def share(alice: Database, role: str) -> None:
    with alice.transaction() as registry:
        registry.share_library("toys", "bob", role)


def test_a_copy_shares_bytes_and_features_and_nothing_else(alice, bob, toys, sql):
    share(alice, "reader")
    before = sql("SELECT sha FROM blobs ORDER BY sha")
    with bob.transaction() as registry:
        copied = registry.copy_concept("alice/toys", "rex", "default", "max")
        again = registry.copy_concept("alice/toys", "rex", "default", "MAX")
    assert (copied.created, again.created, again.concept) == (True, False, copied.concept)
    assert (copied.concept.name, copied.concept.library, copied.concept.version) == ("max", "default", 1)
    assert (copied.concept.manifest, copied.concept.images) == (toys["rex"].manifest, toys["rex"].images)
    assert sql("SELECT sha FROM blobs ORDER BY sha") == before
    with alice.transaction() as registry:
        registry.unshare_library("toys", "bob")
        forgotten = registry.forget_concept("toys", "rex")
    assert len(forgotten.kept) == 2 and forgotten.deleted.sizes == {}
    with bob.reading() as registry:
        assert registry.blob(toys["sha"]) == b"a"
        assert registry.feature("key").data == b"1234"


def test_a_copy_takes_no_name_that_is_taken_and_passes_on_nothing_damaged(alice, toys, picture, sql):
    with alice.transaction() as registry:
        registry.add_concept("default", "Rex", "cat", [picture("b")])
        with pytest.raises(Exception, match="A concept named 'Rex' is already in library 'default'") as refusal:
            registry.copy_concept("toys", "rex", "default")
        assert refusal.value.remedy == "Give the copy another name with new_name=NEW_NAME."
    sql("UPDATE blobs SET data = ? WHERE sha = ?", b"A", toys["sha"])
    with pytest.raises(ContentDamaged), alice.transaction() as registry:
        registry.copy_concept("toys", "rex", "default", "max")
    with alice.reading() as registry:
        assert registry.concept_names("default") == ["Rex"]


FILE = b"the file, with its metadata"


@pytest.fixture
def photo(picture):
    """An image that came with its file."""
    return replace(picture("pixels"), original=FILE)


def test_a_copy_that_is_there_already_gets_the_originals_that_it_has_not(database, photo, picture, sql):
    with database.transaction() as registry:
        registry.add_concept("default", "rex", "dog", [picture("pixels"), picture("other")])
        registry.create_library("toys")
        assert registry.copy_concept("default", "rex", "toys").concept.images[0].original_sha is None
        registry.add_concept("default", "rex", "dog", [photo, picture("other")])
        again = registry.copy_concept("default", "rex", "toys")
        assert (again.created, again.concept.version) == (False, 1)
        assert [image.original_sha for image in again.concept.images] == [sha256(FILE), None]
        assert registry.copy_concept("default", "rex", "toys").concept == again.concept
    assert len(sql("SELECT * FROM originals")) == 2
    with database.transaction() as registry:
        registry.forget_concept("default", "rex")
        assert registry.blob(sha256(FILE)) == FILE
