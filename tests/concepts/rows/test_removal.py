"""Removal hides and can be undone; forgetting cannot."""

from datetime import UTC, datetime

import pytest

from concepts.errors import ConceptAmbiguous, ConceptExists, ConceptNotFound, ContentDamaged, NameInvalid


@pytest.fixture
def rex(database, picture):
    """rex in two versions."""
    with database.transaction() as registry:
        registry.add_concept("default", "Rex", "dog", [picture("a")])
        return registry.revise_concept("default", "rex", "dog", [picture("a"), picture("b")]).concept


def count(sql, table: str) -> int:
    return sql(f"SELECT count(*) FROM {table}")[0][0]


def test_what_is_removed_is_seen_nowhere_and_loses_nothing(database, rex, sql):
    tables = ("concepts", "concept_versions", "version_images", "blobs")
    before = [count(sql, table) for table in tables]
    with database.transaction() as registry:
        removed = registry.remove_concept("default", "REX")
        assert registry.find_concept("default", "rex") is None
        assert registry.concepts("default") == registry.concept_names("default") == []
        assert registry.get_library("default").concept_count == 0
        for look in (registry.get_concept, registry.history, registry.remove_concept):
            with pytest.raises(ConceptNotFound):
                look("default", "rex")
        with pytest.raises(ContentDamaged, match="No image, mask or original"):
            registry.blob(rex.images[0].sha)
    assert [count(sql, table) for table in tables] == before
    assert (removed.concept.name, removed.concept.id, removed.concept.version) == ("Rex", rex.id, 2)
    assert removed.concept.removed_at >= rex.created_at


def test_a_removed_concept_comes_back_as_it_was(place, database, rex):
    with database.transaction() as registry:
        registry.remove_concept("default", "rex")
        assert [each.id for each in registry.removed_concepts("default")] == [rex.id]
    with place.open() as again, again.transaction() as registry:
        assert registry.restore_concept("default", " REX ") == rex
        assert registry.removed_concepts("default") == []
        assert [each.number for each in registry.history("default", "rex")] == [2, 1]
        assert registry.blob(rex.images[1].sha) == b"b"


def test_a_name_that_was_freed_can_be_used_and_then_not_restored_to(database, rex, picture):
    with database.transaction() as registry:
        registry.remove_concept("default", "rex")
        other = registry.add_concept("default", "rex", "cat", [picture("c")])
        assert other.created and other.concept.id != rex.id
        with pytest.raises(ConceptExists) as refusal:
            registry.restore_concept("default", "rex")
        assert refusal.value.cause == "The name 'rex' is in use again in library 'default'."
        assert refusal.value.remedy == "Restore it under another name: studio concepts restore Rex --as NEW_NAME"
        with pytest.raises(NameInvalid):
            registry.restore_concept("default", "rex", new_name="<rex>")
        back = registry.restore_concept("default", "rex", new_name="Old Rex")
        assert (back.name, back.id, back.version_id) == ("Old Rex", rex.id, rex.version_id)
        assert registry.concept_names("default") == ["Old Rex", "rex"]


def test_of_several_removed_the_last_comes_back_or_the_one_of_a_number(database, rex, picture):
    with database.transaction() as registry:
        registry.remove_concept("default", "rex")
        second = registry.add_concept("default", "rex", "cat", [picture("c")]).concept
        registry.remove_concept("default", "rex")
        third = registry.add_concept("default", "rex", "cow", [picture("d")]).concept
        registry.remove_concept("default", "rex")
        assert [each.id for each in registry.removed_concepts("default")] == [third.id, second.id, rex.id]
        assert registry.restore_concept("default", "rex").id == third.id
        registry.remove_concept("default", "rex")
        assert registry.restore_concept("default", "rex", second.id).noun == "cat"
        with pytest.raises(ConceptNotFound) as refusal:
            registry.restore_concept("default", "rex", 77)
        assert refusal.value.cause == (f"No such concept named 'rex' has the id 77. Known ids: {third.id}, {rex.id}.")


def test_what_was_never_removed_cannot_come_back(database, rex):
    with database.transaction() as registry:
        with pytest.raises(ConceptNotFound) as refusal:
            registry.restore_concept("default", "rex")
        assert refusal.value.cause == "No concept named 'rex' was removed from library 'default'. 'Rex' is in use."
        assert refusal.value.remedy == "For an earlier version of it: studio concepts restore Rex VERSION"
        with pytest.raises(ConceptNotFound) as refusal:
            registry.restore_concept("default", "max")
        assert refusal.value.remedy == "See the removed concepts with: studio concepts list --removed"


def test_removed_and_present_concepts_are_forgotten_alike(database, rex, picture, sql):
    with database.transaction() as registry:
        registry.remove_concept("default", "rex")
        assert registry.find_to_forget("default", "rex").removed_at is not None
        assert registry.forget_concept("default", "rex").concept.id == rex.id
        registry.add_concept("default", "rex", "cat", [picture("c")])
        assert registry.find_to_forget("default", "rex").removed_at is None
        registry.forget_concept("default", "rex")
        with pytest.raises(ConceptNotFound, match="No concept named 'rex' in library 'default'"):
            registry.forget_concept("default", "rex")
    assert [count(sql, table) for table in ("concepts", "concept_versions", "version_images", "blobs")] == [0] * 4


def test_of_several_of_one_name_none_is_forgotten_by_guess(database, rex, picture, sql):
    with database.transaction() as registry:
        registry.remove_concept("default", "rex")
        present = registry.add_concept("default", "rex", "cat", [picture("c")]).concept
        with pytest.raises(ConceptAmbiguous) as refusal:
            registry.forget_concept("default", "rex")
        assert registry.forget_concept("default", "rex", rex.id).concept.noun == "dog"
        assert registry.get_concept("default", "rex").id == present.id
    assert refusal.value.cause == (
        f"2 concepts in this library have the name 'rex': {present.id} (in use), {rex.id} (removed)."
    )
    assert refusal.value.exit_code == 2
    assert {data for (data,) in sql("SELECT data FROM blobs")} == {b"c", b"mask"}


def test_forgetting_half_way_is_not_forgetting_at_all(database, rex, sql):
    with pytest.raises(RuntimeError, match="power"), database.transaction() as registry:
        registry.forget_concept("default", "rex")
        raise RuntimeError("power")
    with database.reading() as registry:
        assert registry.get_concept("default", "rex") == rex
        assert registry.blob(rex.images[0].sha) == b"a"


@pytest.mark.sqlite
def test_forgotten_bytes_are_not_left_in_the_file(database, picture):
    secret = "the face of a person " * 5000
    with database.transaction() as registry:
        registry.add_concept("default", "rex", "dog", [picture(secret, "mask of it " * 3000)])
        registry.put_feature("k", "latents", b"what was seen " * 3000, (1,), "float32", picture(secret).sha)
    assert b"the face of" in database.path.read_bytes()
    with database.transaction() as registry:
        registry.remove_concept("default", "rex")
        registry.forget_concept("default", "rex")
    left = b"".join(path.read_bytes() for path in database.path.parent.iterdir() if path.is_file())
    for words in (b"the face of", b"mask of it", b"what was seen"):
        assert words not in left


def test_the_last_removed_is_the_last_also_when_the_clock_was_set_back(database, picture, monkeypatch):
    clock = [datetime(2030, 1, 2, tzinfo=UTC), datetime(2030, 1, 1, tzinfo=UTC)]
    monkeypatch.setattr("concepts.rows.removal.now", lambda: clock.pop(0))
    with database.transaction() as registry:
        for content in ("first", "second"):
            registry.add_concept("default", "rex", "dog", [picture(content)])
            registry.remove_concept("default", "rex")
        second = max(each.id for each in registry.removed_concepts("default"))
        assert registry.removed_concepts("default")[0].id == second
        assert registry.restore_concept("default", "rex").id == second
