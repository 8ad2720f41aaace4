"""Adapters have names, by which they are found, and which differ within a library."""

import pytest

from concepts.errors import AdapterExists, AdapterNotFound, NameInvalid

SHAS = ["ab" * 32, "cd" * 32, "ef" * 32]


@pytest.fixture
def two(database, rex_and_hat, add_adapter):
    """The numbers of two adapters, of which the first is called Pets."""
    with database.transaction() as registry:
        first, second = (add_adapter(registry, rex_and_hat, sha).id for sha in SHAS[:2])
        assert registry.get_adapter("default", first).name is None
        assert registry.rename_adapter("default", first, " Pets ").name == "Pets"
    return first, second


def test_a_name_finds_its_adapter_in_any_case(database, two) -> None:
    with database.transaction() as registry:
        assert [registry.get_adapter("default", name).id for name in ("pets", "PETS", " Pets")] == [two[0]] * 3
        assert registry.adapter_numbers("default", SHAS) == dict(zip(SHAS, two, strict=False))
        with pytest.raises(AdapterNotFound, match=rf"It has: {two[1]}, {two[0]} \(Pets\)\."):
            registry.get_adapter("default", "pet")
        registry.rename_adapter("default", "pets", "animals")
        with pytest.raises(AdapterNotFound):
            registry.get_adapter("default", "pets")
        assert registry.get_adapter("default", "animals").id == two[0]


def test_a_name_is_of_one_adapter_of_its_library(database, two, add_adapter) -> None:
    with database.transaction() as registry:
        with pytest.raises(AdapterExists, match=f"Adapter {two[0]} of the library has the name 'pets'") as refused:
            registry.rename_adapter("default", two[1], "pets")
        assert refused.value.remedy.endswith(f"rename that one: studio adapters rename {two[0]} NAME")
        with pytest.raises(AdapterExists):
            registry.require_adapter_name("default", "PETS")
        with pytest.raises(AdapterExists):
            registry.derive_adapter("default", SHAS[2], "lora", "miniature", {"name": "pets"}, list(two))
        assert registry.rename_adapter("default", two[0], "PETS").name == "PETS"
        registry.create_library("toys")
        assert registry.require_adapter_name("toys", "pets") == "pets"


def test_a_name_stays_if_the_same_bytes_are_made_again(database, two, rex_and_hat, add_adapter) -> None:
    with database.transaction() as registry:
        assert add_adapter(registry, rex_and_hat, SHAS[0]).name == "Pets"
        assert registry.derive_adapter("default", SHAS[0], "lora", "miniature", {"name": "pets"}, two).name == "pets"


def test_a_name_that_two_adapters_of_an_older_version_have_names_neither(database, two, rex_and_hat) -> None:
    with database.transaction() as registry:
        new = ("default", SHAS[2], "f.safetensors", "lora", "miniature", {"name": "pets"}, rex_and_hat)
        third = registry.add_adapter(*new).id
        with pytest.raises(AdapterNotFound, match=f"Adapters {two[0]}, {third} have the name 'pets'"):
            registry.get_adapter("default", "pets")


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("12", "would be read as a number"),
        ("DEADBEEF", "would be read as the start of a hash"),
        ("Auto", "chooses an adapter by itself"),
        ("none", "chooses an adapter by itself"),
        ("pets:2", "contains a colon"),
        ("-x", "begins with a dash"),
        ("<pets>", "contains an angle bracket"),
        (" ", "is empty"),
    ],
)
def test_a_name_that_would_be_read_as_something_else_is_refused(database, two, name, why) -> None:
    with database.transaction() as registry:
        with pytest.raises(NameInvalid, match=why):
            registry.rename_adapter("default", two[1], name)
        assert registry.get_adapter("default", two[1]).name is None
        assert registry.rename_adapter("default", two[1], "beef and 12 cakes").name == "beef and 12 cakes"
