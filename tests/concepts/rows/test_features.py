"""Cached results of encoders: they go with their picture, and what is damaged is not there."""

from concepts.records import sha256


def blobs(sql) -> set[bytes]:
    return {data for (data,) in sql("SELECT data FROM blobs")}


def features(sql) -> set[str]:
    return {key for (key,) in sql("SELECT key FROM features")}


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
