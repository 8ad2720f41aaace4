import pytest
from sqlalchemy import event

from concepts.errors import LibraryExists, LibraryNotFound, NameInvalid


def test_a_new_registry_has_the_library_default_and_works_in_it(database):
    with database.transaction() as registry:
        (library,) = registry.libraries()
        assert registry.current_library() == library
    assert (library.name, library.stack, library.current, library.concept_count) == ("default", None, True, 0)
    assert library.created_at.utcoffset().total_seconds() == 0


def test_the_current_library_is_remembered(place, database):
    with database.transaction() as registry:
        registry.create_library("Toys")
        assert registry.use_library("toys").current
    with place.open() as again, again.reading() as registry:
        assert registry.current_library().name == "Toys"
        assert [(library.name, library.current) for library in registry.libraries()] == [
            ("default", False),
            ("Toys", True),
        ]


def test_each_library_remembers_its_stack(database):
    with database.transaction() as registry:
        assert registry.create_library("toys", stack="miniature").stack == "miniature"
        assert registry.set_library_stack("default", "kandinsky-2.2").stack == "kandinsky-2.2"
    with database.reading() as registry:
        assert registry.get_library("TOYS").stack == "miniature"
        assert registry.get_library("default").stack == "kandinsky-2.2"
        assert registry.find_library("cars") is None
    with database.transaction() as registry:
        assert registry.set_library_stack("toys", None).stack is None


def test_two_libraries_cannot_have_one_name(database):
    with database.transaction() as registry, pytest.raises(LibraryExists) as refusal:
        registry.create_library("DEFAULT")
    assert refusal.value.cause == "A library named 'default' is already there."
    assert refusal.value.exit_code == 4


def test_a_library_needs_a_name(database):
    with database.transaction() as registry, pytest.raises(NameInvalid, match="The library name '' is empty"):
        registry.create_library("")


def test_a_missing_library_is_an_error_that_lists_those_there_are(database):
    with database.transaction() as registry, pytest.raises(LibraryNotFound) as refusal:
        registry.use_library("toys")
    assert refusal.value.cause == "No library named 'toys'. You have: 'default'."
    assert refusal.value.remedy == "Make one with: studio library create NAME"
    assert refusal.value.exit_code == 3


def test_concept_names_are_unique_in_a_library_not_beyond_it(database, picture):
    with database.transaction() as registry:
        registry.create_library("toys")
        first = registry.add_concept("default", "rex", "dog", [picture("a")])
        second = registry.add_concept("toys", "rex", "toy", [picture("b")])
    assert first.created and second.created
    with database.reading() as registry:
        assert registry.get_concept("default", "rex").noun == "dog"
        assert registry.get_concept("toys", "rex").noun == "toy"
        assert [library.concept_count for library in registry.libraries()] == [1, 1]


def test_an_address_and_a_stack_are_looked_up_without_counting_what_is_there(place, database, picture):
    with database.transaction() as registry:
        registry.create_library("toys", stack="tiny")
        registry.add_concept("toys", "rex", "dog", [picture("rex")])
        registry.share_library("toys", "bob", "reader")
        owner = registry.get_library("toys").owner
    statements: list[str] = []
    with database.reading() as registry:
        event.listen(registry._session.get_bind(), "before_cursor_execute", lambda *told: statements.append(told[2]))
        assert (registry.library_address(), registry.library_address("TOYS")) == ("default", "toys")
        assert (registry.library_stack("toys"), registry.library_stack("default")) == ("tiny", None)
        assert [each for each in statements if "count(" in each] == []
        assert registry.get_library("toys").concept_count == 1
        assert len([each for each in statements if "count(" in each]) == 1, "a record counts"
        for look in (registry.library_address, registry.library_stack):
            with pytest.raises(LibraryNotFound, match="No library named 'nix'"):
                look("nix")
    with place.open("bob") as his, his.transaction() as registry:
        assert registry.library_address(f"{owner}/toys") == f"{owner}/toys"
        registry.use_library(f"{owner}/toys")
        assert registry.library_address() == f"{owner}/toys"
        assert registry.library_stack(f"{owner}/toys") == "tiny"
        with pytest.raises(LibraryNotFound):
            registry.library_stack("toys")
