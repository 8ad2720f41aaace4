import pytest

from concepts.errors import ContentDamaged
from concepts.records import sha256


def blobs(sql) -> set[bytes]:
    return {data for (data,) in sql("SELECT data FROM blobs")}


def features(sql) -> set[str]:
    return {key for (key,) in sql("SELECT key FROM features")}


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


def test_features_go_with_their_image_and_mask_unless_still_used(database, picture, sql):
    one, two, three = picture("one", "m1"), picture("one", "m2"), picture("three", "m1")
    with database.transaction() as registry:
        registry.add_concept("default", "rex", "dog", [one, three])
        registry.add_concept("default", "max", "dog", [two, picture("four", "m1")])
        for key, image in {"one+m1": one, "one+m2": two, "three+m1": three}.items():
            assert registry.put_feature(key, "image_embeds", key.encode(), (2, 3), "float32", image.sha, image.mask_sha)
        assert registry.put_feature("one", "latents", b"one's", (5,), "float32", one.sha)
        assert registry.put_feature("zero", "image_embeds", b"zeros", (5,), "float32")
        assert registry.put_feature("twin", "image_embeds", b"one+m1", (2, 3), "float32", two.sha, two.mask_sha)
        registry.forget_concept("default", "rex")
    assert features(sql) == {"one+m2", "one", "zero", "twin"}
    assert blobs(sql) == {b"one", b"m2", b"four", b"m1", b"one+m2", b"one's", b"zeros", b"one+m1"}
    with database.transaction() as registry:
        registry.forget_concept("default", "max")
    assert features(sql) == {"zero"}
    assert blobs(sql) == {b"zeros"}


def test_a_feature_comes_back_as_it_was_put(database, picture):
    image = picture("a")
    with database.transaction() as registry:
        registry.add_concept("default", "rex", "dog", [image])
        registry.put_feature("k1", "image_embeds", b"12345678", [2], "float32", image.sha, image.mask_sha)
    with database.reading() as registry:
        found = registry.feature("k1")
        assert registry.feature("k2") is None
        assert registry.features(["k1", "k2", "k1"]) == {"k1": found}
    assert (found.key, found.kind, found.data) == ("k1", "image_embeds", b"12345678")
    assert (found.shape, found.dtype) == ((2,), "float32")


def test_hundreds_of_features_are_found_at_once(database):
    keys = [f"key {number}" for number in range(600)]
    with database.transaction() as registry:
        for key in keys:
            registry.put_feature(key, "image_embeds", key.encode(), (1,), "float32")
        assert set(registry.features([*keys, "another"])) == set(keys)


def test_the_first_value_of_a_feature_stays(database):
    with database.transaction() as registry:
        registry.put_feature("k", "image_embeds", b"first", (1,), "float32")
        registry.put_feature("k", "image_embeds", b"second", (1,), "float32")
        assert registry.feature("k").data == b"first"


def test_a_feature_of_an_image_that_was_forgotten_meanwhile_is_not_kept(database, picture, sql):
    image = picture("a")
    with database.transaction() as registry:
        registry.add_concept("default", "rex", "dog", [image])
        assert not registry.put_feature("k", "image_embeds", b"1", (1,), "float32", image.sha, sha256(b"other mask"))
        registry.forget_concept("default", "rex")
        assert not registry.put_feature("k", "image_embeds", b"1", (1,), "float32", image.sha)
    assert features(sql) == set()
    assert blobs(sql) == set()


def test_a_damaged_feature_counts_as_not_there_and_is_mended(database, sql):
    with database.transaction() as registry:
        registry.put_feature("k", "image_embeds", b"good", (1,), "float32")
    sql("UPDATE blobs SET data = ?", b"evil")
    with database.transaction() as registry:
        assert registry.feature("k") is None
        registry.put_feature("k", "image_embeds", b"good", (1,), "float32")
        assert registry.feature("k").data == b"good"
    sql("UPDATE blobs SET data = ?", b"evil")
    with database.transaction() as registry:
        registry.put_feature("k", "image_embeds", b"other", (1,), "float32")
        assert registry.feature("k").data == b"other"
    assert blobs(sql) == {b"other"}
