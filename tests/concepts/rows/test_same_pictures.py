"""Which other concepts of a library have a picture."""

from concepts.records import NewImage, SamePicture
from concepts.rows import same_pictures


def test_each_concept_that_has_a_picture_now_is_found_with_its_number(database, picture, monkeypatch):
    monkeypatch.setattr(same_pictures, "AT_ONCE", 1)
    a, b, c = (picture(name) for name in "abc")
    with database.transaction() as registry:
        registry.create_library("other")
        rex = registry.add_concept("default", "rex", "dog", [a, b]).concept
        registry.add_concept("default", "max", "dog", [c, b])
        registry.add_concept("default", "old", "dog", [a])
        registry.revise_concept("default", "old", "dog", [c])
        registry.add_concept("other", "far", "dog", [a, b])
        shas = [a.sha, b.sha, c.sha]
        found = registry.same_pictures("default", rex.id, shas)
        assert found == [
            SamePicture(b.sha, "max", 2),
            SamePicture(c.sha, "max", 1),
            SamePicture(c.sha, "old", 1),
        ]
        assert registry.same_pictures("default", rex.id, []) == []


def test_a_note_in_place_of_pictures_is_no_picture_that_two_concepts_have(database):
    note = NewImage(b"note", None, 1, 1, "2 pictures")
    with database.transaction() as registry:
        rex = registry.add_concept("default", "rex", "dog", [note]).concept
        registry.add_concept("default", "max", "dog", [note])
        assert registry.same_pictures("default", rex.id, [note.sha]) == []
