"""What encoders saw of all that a user may see."""

from concepts.database import Database
from concepts.records import CatalogueEntry, NewImage, sha256


def share(alice: Database, role: str) -> None:
    with alice.transaction() as registry:
        registry.share_library("toys", "bob", role)


def test_what_is_shared_is_seen_in_all_that_is_compared(alice, bob, toys):
    share(alice, "reader")
    with bob.reading() as registry:
        assert [entry.library for entry in registry.catalogue([toys["rex"].id])] == ["alice/toys"]
        assert registry.image_counts() == {toys["rex"].id: 1}
        assert [seen.data for seen in registry.seen_images("image_embeds", "k", "y")] == [b"1234"]
        assert [concept.name for concept in registry.page("alice/toys").concepts] == ["rex"]


def test_what_is_walked_through_is_whole_and_of_the_kind_and_keys_that_were_asked_for(database, picture, sql):
    seen, plain = picture("a"), picture("b", None)
    with database.transaction() as registry:
        rex = registry.add_concept("default", "rex", "dog", [seen, plain]).concept
        for key, image, data in (("clip|a|1", seen, b"one"), ("clip|b|1", plain, b"two"), ("clip|a|2", seen, b"old")):
            registry.put_feature(key, "image_embeds", data, (1,), "float32", image.sha, image.mask_sha)
        registry.put_feature("clip|l|1", "latents", b"latents", (1,), "float32", seen.sha, seen.mask_sha)
        found = list(registry.seen_images("image_embeds", "clip|", "|1"))
    assert sorted((each.concept_id, each.data, each.dtype) for each in found) == [
        (rex.id, b"one", "float32"),
        (rex.id, b"two", "float32"),
    ]
    sql("UPDATE blobs SET data = ? WHERE sha = ?", b"0ne", sha256(b"one"))
    with database.reading() as registry:
        assert [each.data for each in registry.seen_images("image_embeds", "clip|", "|1")] == [b"two"]


def test_a_mask_that_was_changed_since_is_another_image(database, picture):
    image = picture("a", "m1")
    with database.transaction() as registry:
        registry.add_concept("default", "rex", "dog", [image])
        registry.put_feature("k", "image_embeds", b"1", (1,), "float32", image.sha, image.mask_sha)
        registry.revise_concept("default", "rex", "dog", [picture("a", "m2")])
        assert list(registry.seen_images("image_embeds", "k", "k")) == []


def test_only_present_versions_and_concepts_that_are_not_removed_count(database, picture):
    with database.transaction() as registry:
        rex = registry.add_concept("default", "rex", "dog", [picture("a"), picture("b")]).concept
        hat = registry.add_concept("default", "hat", "hat", [picture("c")]).concept
        registry.revise_concept("default", "rex", "wolf", [picture("a")])
        assert registry.image_counts() == {rex.id: 1, hat.id: 1}
        assert registry.catalogue([hat.id, rex.id, 999]) == [
            CatalogueEntry(rex.id, "rex", "default", "wolf"),
            CatalogueEntry(hat.id, "hat", "default", "hat"),
        ]
        registry.remove_concept("default", "hat")
        assert registry.image_counts() == {rex.id: 1}
        assert registry.catalogue([hat.id]) == []


def test_a_note_in_place_of_pictures_is_told_apart_by_its_one_pixel(database, picture, sql):
    note = NewImage(b"note", None, 1, 1, "2 pictures")
    with database.transaction() as registry:
        rex = registry.add_concept("default", "rex", "dog", [note]).concept
        registry.add_concept("default", "hat", "hat", [picture("a")])
        assert list(registry.left_out()) == [(rex.id, b"note")]
    sql("UPDATE blobs SET data = ? WHERE sha = ?", b"n0te", sha256(b"note"))
    with database.reading() as registry:
        assert list(registry.left_out()) == []


def test_the_generation_changes_with_every_concept_and_version_and_with_nothing_else(database, picture):
    told = []

    def tell(registry):
        told.append(registry.generation())

    with database.transaction() as registry:
        tell(registry)
        registry.add_concept("default", "rex", "dog", [picture("a")])
        tell(registry)
        registry.revise_concept("default", "rex", "dog", [picture("b")])
        tell(registry)
        registry.remove_concept("default", "rex")
        tell(registry)
        assert len(set(told)) == 4
        registry.create_library("toys")
        registry.put_feature("zero", "image_embeds", b"1", (1,), "float32")
        assert registry.generation() == told[-1]
