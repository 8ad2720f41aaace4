"""Which other concepts of a library have a picture."""

from concepts.records import SamePicture
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
