"""The plain values that cross the registry's border."""


def test_a_file_name_that_is_not_unicode_can_be_stored(database, picture):
    odd = picture("a", source_name="caf\udce9.jpg")
    with database.transaction() as registry:
        concept = registry.add_concept("default", "rex", "dog", [odd]).concept
    assert concept.images[0].source_name == "caf\\udce9.jpg"
