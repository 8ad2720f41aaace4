from dataclasses import replace

import pytest

from concepts.errors import ConceptChanged, ConceptExists, ConceptNotFound, ImagesMissing, NameInvalid, NounMissing
from concepts.records import ImageRecord, manifest, sha256


def test_a_concept_comes_back_as_it_was_added(database, picture):
    images = [picture("one", "m1", "a.jpg"), picture("two", None, "b.jpg"), picture("one", "m1", "c.jpg")]
    with database.transaction() as registry:
        added = registry.add_concept("default", "Rex", "dog", images)
    assert added.created
    with database.reading() as registry:
        concept = registry.get_concept("default", "rex")
        assert registry.blob(concept.images[0].sha) == b"one"
        assert registry.blob(concept.images[0].mask_sha) == b"m1"
    assert concept == added.concept
    assert (concept.library, concept.name, concept.noun, concept.version) == ("default", "Rex", "dog", 1)
    assert concept.manifest == manifest("dog", images)
    m1, warned = sha256(b"m1"), ("tiny subject",)
    assert concept.images == (
        ImageRecord(sha256(b"one"), m1, 64, 48, "a.jpg", warned),
        ImageRecord(sha256(b"two"), None, 64, 48, "b.jpg", warned),
        ImageRecord(sha256(b"one"), m1, 64, 48, "c.jpg", warned),
    )


def test_the_same_content_again_is_already_there(database, picture):
    with database.transaction() as registry:
        first = registry.add_concept("default", "rex", "dog", [picture("a")])
    with database.transaction() as registry:
        again = registry.add_concept("default", "REX", " dog ", [picture("a", source_name="other.jpg")])
    assert (again.created, again.concept) == (False, first.concept)


@pytest.mark.parametrize("verb", ["add_concept", "revise_concept"])
def test_the_same_content_again_mends_damaged_bytes_and_stores_no_other_original(database, picture, sql, verb):
    with database.transaction() as registry:
        first = registry.add_concept("default", "rex", "dog", [replace(picture("a"), original=b"file")])
    for data in (b"a", b"mask"):
        sql("UPDATE blobs SET data = ? WHERE sha = ?", b"X" * len(data), sha256(data))
    with database.transaction() as registry:
        again = getattr(registry, verb)("default", "rex", "dog", [replace(picture("a"), original=b"other")])
    assert (again.created, again.concept) == (False, first.concept)
    assert {data for (data,) in sql("SELECT data FROM blobs")} == {b"a", b"mask", b"file"}


@pytest.mark.parametrize("change", ["noun", "image", "mask", "no mask", "order", "fewer"])
def test_the_same_name_with_other_content_exists(database, picture, change):
    one, two = picture("a"), picture("b")
    noun, images = {
        "noun": ("cat", [one, two]),
        "image": ("dog", [one, picture("c")]),
        "mask": ("dog", [one, picture("b", "other mask")]),
        "no mask": ("dog", [one, picture("b", None)]),
        "order": ("dog", [two, one]),
        "fewer": ("dog", [one]),
    }[change]
    with database.transaction() as registry:
        first = registry.add_concept("default", "Rex", "dog", [one, two]).concept
    with pytest.raises(ConceptExists) as refusal, database.transaction() as registry:
        registry.add_concept("default", "rex", noun, images)
    assert refusal.value.cause == "A concept named 'Rex' is already in library 'default', with other content."
    assert refusal.value.remedy == (
        "To add images to it: studio concepts edit Rex --add IMAGE. "
        "Or choose another name, or remove it: studio concepts remove Rex"
    )
    assert refusal.value.exit_code == 4
    with database.reading() as registry:
        assert registry.get_concept("default", "rex") == first


@pytest.mark.parametrize("name", ["straße", "Ω%_", "../../etc", "'; DROP TABLE concepts; --", "🐕‍🦺", "x" * 80])
def test_a_hostile_name_is_only_a_name(database, picture, name):
    with database.transaction() as registry:
        registry.add_concept("default", "bystander", "cat", [picture("b")])
        registry.add_concept("default", name, "dog", [picture("a")])
        assert registry.get_concept("default", name.upper()).name == name
        assert registry.find_concept("default", "%") is None
        registry.remove_concept("default", name)
        assert registry.restore_concept("default", name).name == name
        registry.forget_concept("default", name)
        assert registry.concept_names("default") == ["bystander"]


def test_nothing_is_stored_without_a_name_a_noun_and_an_image(database, picture, sql):
    for name, noun, images, error in [
        ("re\u202ex", "dog", [picture("a")], NameInvalid),
        ("rex", "", [picture("a")], NounMissing),
        ("rex", "dog", [], ImagesMissing),
    ]:
        with database.transaction() as registry, pytest.raises(error) as refusal:
            registry.add_concept("default", name, noun, images)
        assert refusal.value.exit_code == 5
    assert sql("SELECT count(*) FROM concepts") == sql("SELECT count(*) FROM blobs") == [(0,)]


def test_a_list_names_everything_and_reads_no_bytes(database, picture, sql):
    with database.transaction() as registry:
        registry.add_concept("default", "Zoe", "cat", [picture("a"), picture("b")])
        registry.add_concept("default", "anna", "dog", [picture("c")])
    sql("UPDATE blobs SET data = ?, size = 0", b"")
    with database.reading() as registry:
        listed = registry.concepts("default")
        assert registry.concept_names("default") == ["anna", "Zoe"]
        whole = registry.get_concept("default", "zoe")
    assert [(each.name, each.noun, each.version, each.image_count) for each in listed] == [
        ("anna", "dog", 1, 1),
        ("Zoe", "cat", 1, 2),
    ]
    assert (listed[1].id, listed[1].version_id, listed[1].manifest) == (whole.id, whole.version_id, whole.manifest)


def test_a_missing_concept_is_an_error_that_names_the_nearest(database, picture):
    with database.transaction() as registry:
        assert registry.find_concept("default", "rex") is None
        with pytest.raises(ConceptNotFound, match="It has: nothing yet"):
            registry.get_concept("default", "rex")
        registry.add_concept("default", "Rexona", "dog", [picture("a")])
        registry.add_concept("default", "teapot", "teapot", [picture("b")])
        with pytest.raises(ConceptNotFound) as refusal:
            registry.get_concept("default", "rexon\n")
    assert refusal.value.cause == "No concept named 'rexon\\n' in library 'default'."
    assert refusal.value.remedy == "Did you mean 'Rexona'?"
    assert refusal.value.exit_code == 3


def test_a_missing_concept_that_was_removed_can_be_restored_and_a_forgotten_one_cannot(database, picture):
    with database.transaction() as registry:
        registry.add_concept("default", "Zoë's hat", "hat", [picture("a")])
        registry.create_library("toys")
        registry.remove_concept("default", "Zoë's hat")
        with pytest.raises(ConceptNotFound) as refusal:
            registry.get_concept("default", " zoë's HAT")
        assert (refusal.value.cause, refusal.value.remedy) == (
            "No concept named ' zoë's HAT' in library 'default'. It was removed.",
            """Restore it: studio concepts restore 'Zoë'"'"'s hat'""",
        )
        with pytest.raises(ConceptNotFound, match="Add it with"):
            registry.get_concept("toys", "Zoë's hat")
        registry.forget_concept("default", "Zoë's hat")
        with pytest.raises(ConceptNotFound, match="Add it with"):
            registry.get_concept("default", "Zoë's hat")


def test_renaming_touches_no_version(database, picture, sql):
    with database.transaction() as registry:
        before = registry.add_concept("default", "rex", "dog", [picture("a")]).concept
    untouched = [sql(f"SELECT * FROM {table}") for table in ("concept_versions", "version_images", "blobs")]
    with database.transaction() as registry:
        after = registry.rename_concept("default", "rex", "Max")
    assert (after.id, after.name, after.version_id, after.manifest) == (
        before.id,
        "Max",
        before.version_id,
        before.manifest,
    )
    assert untouched == [sql(f"SELECT * FROM {table}") for table in ("concept_versions", "version_images", "blobs")]
    with database.reading() as registry:
        assert registry.find_concept("default", "rex") is None


def test_a_concept_can_be_renamed_in_case_only_but_not_to_anothers_name(database, picture):
    with database.transaction() as registry:
        registry.add_concept("default", "rex", "dog", [picture("a")])
        registry.add_concept("default", "Anna", "cat", [picture("b")])
        assert registry.rename_concept("default", "rex", "REX").name == "REX"
        with pytest.raises(ConceptExists, match="A concept named 'Anna' is already in library 'default'"):
            registry.rename_concept("default", "rex", "anna")
        with pytest.raises(NameInvalid):
            registry.rename_concept("default", "rex", "<rex>")
        assert registry.concept_names("default") == ["Anna", "REX"]


def test_a_revision_is_a_new_version_and_the_old_one_stays_as_it_was(database, picture, sql):
    with database.transaction() as registry:
        registry.add_concept("default", "rex", "dog", [picture("a")])
    old = sql("SELECT * FROM concept_versions"), sql("SELECT * FROM version_images")
    with database.transaction() as registry:
        revised = registry.revise_concept("default", "rex", "dog", [picture("a"), picture("b")])
        again = registry.revise_concept("default", "rex", "dog", [picture("a"), picture("b")])
        (listed,) = registry.concepts("default")
    assert (revised.created, revised.concept.version, len(revised.concept.images)) == (True, 2, 2)
    assert (again.created, again.concept) == (False, revised.concept)
    assert (listed.version, listed.image_count) == (2, 2)
    assert sql("SELECT * FROM concept_versions")[:1] == old[0]
    assert sql("SELECT * FROM version_images WHERE version_id = 1") == old[1]


@pytest.fixture
def three(database, picture):
    """rex in three versions, the second seen by an adapter."""
    with database.transaction() as registry:
        registry.add_concept("default", "rex", "dog", [picture("a")])
        second = registry.revise_concept("default", "rex", "dog", [picture("a"), picture("b")]).concept
        registry.add_adapter("default", "f" * 64, "f.safetensors", "lora", "miniature", {}, [second.version_id])
        registry.revise_concept("default", "rex", "wolf", [picture("b", None)])
    return database


def test_a_history_tells_every_version_and_who_saw_it(three):
    with three.reading() as registry:
        history = registry.history("default", "REX")
        adapter = registry.adapters("default")[0].id
        versions = [registry.concept_version("default", "rex", number) for number in (3, 2, 1)]
    told = [(each.number, each.noun, each.image_count, each.adapters) for each in history]
    assert told == [(3, "wolf", 1, ()), (2, "dog", 2, (adapter,)), (1, "dog", 1, ())]
    assert [each.manifest for each in history] == [version.manifest for version in versions]
    assert [each.version_id for each in history] == [version.version_id for version in versions]
    assert history[0].created_at >= history[2].created_at


def test_an_earlier_version_is_as_it_was(three):
    with three.reading() as registry:
        first, present = registry.concept_version("default", "rex", 1), registry.get_concept("default", "rex")
        assert registry.blob(first.images[0].sha) == b"a"
    assert (first.noun, first.version, len(first.images)) == ("dog", 1, 1)
    assert (present.noun, present.version, present.images[0].mask_sha) == ("wolf", 3, None)


def test_of_versions_with_the_same_content_the_newest_is_found(three, picture):
    with three.transaction() as registry:
        first = registry.concept_version("default", "rex", 1)
        registry.revise_concept("default", "rex", "dog", [picture("a")])
    with three.reading() as registry:
        assert registry.get_concept("default", "rex").manifest == first.manifest
        found = [registry.find_version("default", first.manifest, name) for name in ("rex", "")]
    assert [each and each.version for each in found] == [4, 4]


@pytest.mark.parametrize("number", [0, 4, -1])
def test_a_version_that_is_not_there_is_told_with_those_that_are(three, number):
    with three.reading() as registry, pytest.raises(ConceptNotFound) as refusal:
        registry.concept_version("default", "rex", number)
    assert refusal.value.cause == f"'rex' has no version {number}; it has 1 to 3."
    assert refusal.value.remedy == "See them with: studio concepts history rex"
    with three.reading() as registry, pytest.raises(ConceptNotFound):
        registry.history("default", "nobody")


def test_a_revision_of_what_somebody_changed_meanwhile_is_refused(three, picture):
    with three.transaction() as registry, pytest.raises(ConceptChanged) as refusal:
        registry.revise_concept("default", "rex", "dog", [picture("c")], expected=2)
    assert refusal.value.cause == "'rex' was changed in the meantime: its version is 3 now, not 2."
    assert refusal.value.exit_code == 4
    with three.transaction() as registry:
        assert registry.get_concept("default", "rex").version == 3
        assert registry.revise_concept("default", "rex", "dog", [picture("c")], expected=3).concept.version == 4
