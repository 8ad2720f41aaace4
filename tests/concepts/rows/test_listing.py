"""A few concepts of many: pages, what a word finds, and what has nearly a name that is not there."""

from dataclasses import replace

import pytest
from sqlalchemy import event

from concepts.errors import ConceptNotFound
from concepts.rows import listing, versions

NAMES = ("Ärmel", "blue hat", "Blue_dog", "cup 100%", "red hat", "zebra")


@pytest.fixture
def filled(database, picture):
    with database.transaction() as registry:
        for name in NAMES:
            registry.add_concept("default", name, "thing", [picture(name)])
        registry.add_concept("default", "red gone", "thing", [picture("gone")])
        registry.remove_concept("default", "red gone")
        registry.create_library("other")
        registry.add_concept("other", "red far", "thing", [picture("far")])
    return database


def found(registry, *args, **options) -> list[str]:
    return [each.name for each in registry.page("default", *args, **options).concepts]


def test_pages_follow_each_other_and_the_last_says_so(filled):
    with filled.reading() as registry:
        everything = registry.page("default")
        assert (list(everything.concepts), everything.more) == (registry.concepts("default"), False)
        seen, after, more = [], "", True
        while more:
            page = registry.page("default", after=after, limit=2)
            assert page.concepts == everything.concepts[len(seen) : len(seen) + 2]
            seen, after, more = seen + [each.name for each in page.concepts], page.concepts[-1].name, page.more
    assert seen == ["blue hat", "Blue_dog", "cup 100%", "red hat", "zebra", "Ärmel"]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("hat", ["blue hat", "red hat"]),
        ("BLUE", ["blue hat", "Blue_dog"]),
        ("_", ["Blue_dog"]),
        ("%", ["cup 100%"]),
        ("100%", ["cup 100%"]),
        ("äRM", ["Ärmel"]),
        ("A\u0308rmel", ["Ärmel"]),
        ("red", ["red hat"]),
        ("' OR 1=1", []),
    ],
)
def test_a_word_finds_the_names_that_hold_it_as_names_are_compared(filled, text, names):
    with filled.reading() as registry:
        assert found(registry, text) == names
        assert found(registry, text, after="zz") == [name for name in names if name == "Ärmel"]


def test_a_name_that_is_not_there_is_compared_with_those_beside_it(filled, monkeypatch):
    monkeypatch.setattr(versions, "NEAR", 2)
    with filled.reading() as registry:
        with pytest.raises(ConceptNotFound, match=r"Did you mean 'red hat'\?"):
            registry.get_concept("default", "red hut")
        near = registry.concepts_near("default", ["red hut", "cup"])
        assert sorted(each.name for each in near) == ["Blue_dog", "blue hat", "cup 100%", "red hat", "zebra", "Ärmel"]
        assert [each.name for each in registry.concepts_near("default", ["a"])] == ["blue hat", "Blue_dog"]
        assert registry.concepts_near("default", []) == []


def test_named_concepts_come_once_each_in_the_order_of_the_names(filled, picture):
    with filled.transaction() as registry:
        kept = replace(picture("kept"), original=b"file")
        registry.revise_concept("default", "zebra", "animal", [picture("one"), kept, picture("zebra")])
    with filled.reading() as registry:
        found = registry.find_concepts("default", ["ZEBRA", " red hat", "red gone", "nobody", "zebra", "A\u0308rmel"])
        assert found == [registry.get_concept("default", name) for name in ("zebra", "red hat", "Ärmel")]
        assert (found[0].noun, found[0].version) == ("animal", 2)
        assert [image.original_sha is not None for image in found[0].images] == [False, True, False]
        assert registry.find_concepts("default", []) == []


def test_many_names_are_as_many_queries_as_one(filled, monkeypatch):
    with filled.reading() as registry:
        statements = []
        event.listen(registry._session.get_bind(), "before_cursor_execute", lambda *told: statements.append(told[2]))
        counts = []
        for names in (NAMES[:1], NAMES):
            assert len(registry.find_concepts("default", names)) == len(names)
            counts.append(len(statements))
            statements.clear()
        assert counts[1] <= counts[0]
        monkeypatch.setattr(listing, "NAMES_A_QUERY", 2)
        assert [each.name for each in registry.find_concepts("default", NAMES)] == list(NAMES)
