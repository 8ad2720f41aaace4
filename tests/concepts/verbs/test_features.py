"""Verbs of features."""

OTHERS = {
    "feature",
    "features",
    "computed_features",
    "put_feature",
    "drop_features",
}  # the last two write what nobody made


def test_a_feature_without_an_image_stays_until_it_is_dropped(alice):
    with alice.transaction() as registry:
        assert registry.put_feature("zero:1", "zero", b"1234", [1], "float32")
        assert registry.feature("zero:1").data == b"1234" and registry.features(["zero:1", "zero:2"]).keys() == {
            "zero:1"
        }
        registry.drop_features(["zero:1"])
        assert registry.feature("zero:1") is None


def test_a_feature_of_a_removed_image_is_not_stored(alice, toys):
    with alice.transaction() as registry:
        assert not registry.put_feature("clip:1", "clip", b"1234", [1], "float32", image_sha="ab" * 32)
        assert registry.feature("clip:1") is None
