"""Files are kept as they were given, for as long as something has them, and for nobody else."""

from dataclasses import replace

import pytest

from concepts.errors import ContentDamaged
from concepts.records import sha256

FILE = b"the file, with its metadata"


@pytest.fixture
def photo(picture):
    """An image that came with its file."""
    return replace(picture("pixels"), original=FILE)


def stored(sql) -> set[str]:
    return {row[0] for row in sql("SELECT sha FROM blobs")}


def test_an_original_is_kept_byte_for_byte_and_changes_no_manifest(database, photo, picture, sql):
    with database.transaction() as registry:
        kept = registry.add_concept("default", "rex", "dog", [photo, picture("other")]).concept
        plain = registry.add_concept("default", "max", "dog", [picture("pixels"), picture("other")]).concept
        assert [image.original_sha for image in kept.images] == [sha256(FILE), None]
        assert [image.original_sha for image in plain.images] == [None, None]
        assert registry.blob(sha256(FILE)) == FILE
    assert kept.manifest == plain.manifest
    assert len(sql("SELECT * FROM originals")) == 1


def test_what_is_there_already_gets_an_original_and_one_that_has_one_keeps_it(database, photo, picture, sql):
    with database.transaction() as registry:
        registry.add_concept("default", "rex", "dog", [picture("pixels")])
        for write in (registry.add_concept, registry.revise_concept):
            again = write("default", "rex", "dog", [photo])
            assert (again.created, again.concept.version) == (False, 1)
            assert again.concept.images[0].original_sha == sha256(FILE)
        other = registry.add_concept("default", "rex", "dog", [replace(photo, original=b"another file")])
        assert other.concept.images[0].original_sha == sha256(FILE)
    assert sha256(b"another file") not in stored(sql)


def test_versions_and_copies_share_one_blob_which_goes_with_the_last_of_them(database, photo, picture, sql):
    with database.transaction() as registry:
        registry.add_concept("default", "rex", "dog", [photo])
        second = registry.revise_concept("default", "rex", "dog", [picture("new"), photo]).concept
        assert [image.original_sha for image in second.images] == [None, sha256(FILE)]
        registry.create_library("toys")
        copied = registry.copy_concept("default", "rex", "toys").concept
        assert copied.images == second.images
    assert len(sql("SELECT * FROM originals")) == 3
    with database.transaction() as registry:
        assert sha256(FILE) in registry.forget_concept("default", "rex").kept
    assert sha256(FILE) in stored(sql)
    with database.transaction() as registry:
        assert sha256(FILE) in registry.forget_concept("toys", "rex").deleted.sizes
    assert (stored(sql), sql("SELECT * FROM originals")) == (set(), [])


def test_a_damaged_original_is_not_passed_on_and_is_mended_by_its_file(database, photo, picture, sql):
    with database.transaction() as registry:
        registry.add_concept("default", "rex", "dog", [photo])
        registry.create_library("toys")
        registry.add_concept("toys", "rex", "dog", [picture("pixels")])
    sql("UPDATE blobs SET data = ? WHERE sha = ?", FILE[::-1], sha256(FILE))
    for name in ("rex", "max"):
        with database.transaction() as registry, pytest.raises(ContentDamaged, match="are damaged"):
            registry.copy_concept("default", "rex", "toys", name)
    assert len(sql("SELECT * FROM originals")) == 1
    with database.transaction() as registry:
        registry.add_concept("default", "rex", "dog", [photo])
        assert registry.blob(sha256(FILE)) == FILE
        assert registry.copy_concept("default", "rex", "toys").concept.images[0].original_sha == sha256(FILE)


def test_who_has_the_same_pixels_does_not_get_anothers_original(place, database, photo, picture):
    with database.transaction() as registry:
        registry.add_concept("default", "rex", "dog", [photo])
    with place.open("bob") as his, his.transaction() as registry:
        rex = registry.add_concept("default", "rex", "dog", [picture("pixels")]).concept
        assert registry.blob(rex.images[0].sha) == b"pixels"
        assert rex.images[0].original_sha is None
        with pytest.raises(ContentDamaged, match="No image, mask or original"):
            registry.blob(sha256(FILE))


def test_a_removed_concepts_original_is_read_by_nobody(database, photo):
    with database.transaction() as registry:
        registry.add_concept("default", "rex", "dog", [photo])
        registry.remove_concept("default", "rex")
        with pytest.raises(ContentDamaged):
            registry.blob(sha256(FILE))
        registry.restore_concept("default", "rex")
        assert registry.blob(sha256(FILE)) == FILE


def test_a_damaged_original_is_found_and_is_no_cached_value(database, photo, sql):
    with database.transaction() as registry:
        registry.add_concept("default", "rex", "dog", [photo])
    sql("UPDATE blobs SET data = ? WHERE sha = ?", FILE[::-1], sha256(FILE))
    with database.reading() as registry, pytest.raises(ContentDamaged, match="are damaged"):
        registry.blob(sha256(FILE))
    found = [(fault.said, fault.derived) for fault in database.store.faults()]
    assert found == [(f"the bytes of {sha256(FILE)}, given by a person, are damaged", False)]
