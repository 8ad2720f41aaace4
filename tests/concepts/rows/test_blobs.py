import pytest

from concepts.errors import ContentDamaged
from concepts.records import sha256


def blobs(sql) -> set[bytes]:
    return {data for (data,) in sql("SELECT data FROM blobs")}


def test_the_same_bytes_are_stored_once(database, picture, sql):
    with database.transaction() as registry:
        registry.add_concept("default", "rex", "dog", [picture("a"), picture("a"), picture("b")])
        registry.add_concept("default", "max", "dog", [picture("a")])
    assert sorted(sql("SELECT data, size FROM blobs")) == [(b"a", 1), (b"b", 1), (b"mask", 4)]


def test_bytes_that_no_longer_match_their_hash_are_never_handed_out(database, picture, sql):
    with database.transaction() as registry:
        registry.add_concept("default", "rex", "dog", [picture("a")])
    sql("UPDATE blobs SET data = ? WHERE sha = ?", b"A", sha256(b"a"))
    with database.reading() as registry:
        with pytest.raises(ContentDamaged) as refusal:
            registry.blob(sha256(b"a"))
        assert registry.blob(sha256(b"mask")) == b"mask"
    assert refusal.value.cause == f"The stored bytes of {sha256(b'a')} are damaged."
    assert refusal.value.exit_code == 7


def test_damaged_bytes_are_mended_when_they_are_stored_again(database, picture, sql):
    with database.transaction() as registry:
        registry.add_concept("default", "rex", "dog", [picture("a")])
    sql("UPDATE blobs SET data = ?, size = 1 WHERE sha = ?", b"\0", sha256(b"a"))
    with database.transaction() as registry:
        registry.add_concept("default", "max", "dog", [picture("a")])
        assert registry.blob(sha256(b"a")) == b"a"


def test_unknown_bytes_are_an_error(database):
    with (
        database.reading() as registry,
        pytest.raises(ContentDamaged, match="No image, mask or original 'beef' is stored"),
    ):
        registry.blob("beef")


def test_forgetting_a_concept_deletes_its_bytes_and_keeps_what_another_shares(database, picture, sql):
    with database.transaction() as registry:
        registry.create_library("toys")
        registry.add_concept("default", "rex", "dog", [picture("shared", "m1"), picture("own", "m2")])
        registry.add_concept("toys", "max", "dog", [picture("shared", "m1")])
        registry.revise_concept("default", "rex", "dog", [picture("later", "m3")])
        forgotten = registry.forget_concept("default", "REX")
        assert registry.find_concept("default", "rex") is None
    assert (forgotten.concept.name, forgotten.concept.version, forgotten.adapters) == ("rex", 2, ())
    assert forgotten.deleted.sizes == {sha256(data): len(data) for data in (b"own", b"m2", b"later", b"m3")}
    assert forgotten.deleted.total == 12
    assert forgotten.kept == tuple(sorted(map(sha256, (b"shared", b"m1"))))
    assert blobs(sql) == {b"shared", b"m1"}
    assert sql("SELECT count(*) FROM concept_versions") == [(1,)]
    with database.transaction() as registry:
        registry.forget_concept("toys", "max")
    assert blobs(sql) == set()


def test_a_picture_that_serves_as_its_own_mask_goes_too(database, picture, sql):
    with database.transaction() as registry:
        registry.add_concept("default", "rex", "dog", [picture("same", "same")])
        registry.forget_concept("default", "rex")
    assert blobs(sql) == set()
