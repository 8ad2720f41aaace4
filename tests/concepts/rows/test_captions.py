"""Captions stay beside a version's images, change no manifest, and go with the images."""

from dataclasses import replace

import pytest


@pytest.fixture
def photo(picture):
    """An image with a caption."""
    return replace(picture("pixels"), caption="a dog on a sofa")


def said(concept) -> list[str | None]:
    return [image.caption for image in concept.images]


def test_a_caption_is_stored_with_its_image_and_changes_no_manifest(database, photo, picture):
    with database.transaction() as registry:
        kept = registry.add_concept("default", "rex", "dog", [picture("other"), photo]).concept
        plain = registry.add_concept("default", "max", "dog", [picture("other"), picture("pixels")]).concept
        assert (said(kept), said(plain)) == ([None, "a dog on a sofa"], [None, None])
        assert kept.manifest == plain.manifest
        assert registry.find_concepts("default", ["rex", "max"]) == [kept, plain]
        assert registry.get_concept("default", "rex") == kept


def test_a_new_caption_replaces_the_former_without_a_new_version_and_none_keeps_it(database, photo, picture):
    with database.transaction() as registry:
        registry.add_concept("default", "rex", "dog", [picture("pixels")])
        for write in (registry.add_concept, registry.revise_concept):
            for caption in ("a dog", "a dog in the snow"):
                again = write("default", "rex", "dog", [replace(photo, caption=caption)])
                assert (again.created, again.concept.version, said(again.concept)) == (False, 1, [caption])
        assert said(registry.add_concept("default", "rex", "dog", [picture("pixels")]).concept) == ["a dog in the snow"]


def test_captions_go_along_with_versions_and_copies_and_go_with_the_concept(database, photo, picture, sql):
    with database.transaction() as registry:
        registry.add_concept("default", "rex", "dog", [photo])
        second = registry.revise_concept("default", "rex", "dog", [picture("new"), photo]).concept
        assert said(second) == [None, "a dog on a sofa"]
        registry.create_library("toys")
        assert said(registry.copy_concept("default", "rex", "toys").concept) == [None, "a dog on a sofa"]
        registry.revise_concept("default", "rex", "dog", [picture("new"), replace(photo, caption="a dog")])
        again = registry.copy_concept("default", "rex", "toys")
        assert (again.created, said(again.concept)) == (False, [None, "a dog"])
        assert said(registry.concept_version("default", "rex", 1)) == ["a dog on a sofa"]
    with database.transaction() as registry:
        registry.forget_concept("default", "rex")
        registry.forget_concept("toys", "rex")
    assert sql("SELECT * FROM captions") == []


def test_a_caption_is_stored_on_one_line_with_escapes_as_file_names_are(database, photo):
    with database.transaction() as registry:
        hostile = replace(photo, caption="a dog\x1b[2J\non a \u202esofa")
        kept = registry.add_concept("default", "rex", "dog", [hostile]).concept
    assert said(kept) == ["a dog\\x1b[2J\\non a \\u202esofa"]


def test_an_empty_caption_removes_the_stored_one_from_this_version_only(database, photo, picture, sql):
    bare = replace(photo, caption="")
    with database.transaction() as registry:
        registry.add_concept("default", "rex", "dog", [photo])
        registry.revise_concept("default", "rex", "dog", [picture("new"), photo])
        for _ in range(2):
            again = registry.revise_concept("default", "rex", "dog", [picture("new"), bare])
            assert (again.created, again.concept.version, said(again.concept)) == (False, 2, [None, None])
        assert said(registry.concept_version("default", "rex", 1)) == ["a dog on a sofa"]
        assert said(registry.revise_concept("default", "rex", "wolf", [bare]).concept) == [None]
    assert [row[2] for row in sql("SELECT version_id, position, text FROM captions")] == ["a dog on a sofa"]
