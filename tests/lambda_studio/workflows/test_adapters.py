"""Adapters are found by number or hash, listed, and removed with their files."""

import pytest

from concepts.errors import AdapterNotFound
from lambda_studio.studio import Studio
from lambda_studio.workflows.home import adapters_folder


@pytest.fixture
def made(studio, put, plain):
    """Registers an adapter of rex in a library, and writes a file for it; its number."""
    put("rex", plain("red"))
    adapters_folder(studio.home).mkdir()

    def make(digit: str, library: str = "default") -> int:
        sha = digit * 64
        (adapters_folder(studio.home) / f"{sha}.safetensors").write_text(digit)
        with studio.database.transaction() as registry:
            (version,) = (each.version_id for each in registry.concepts(library))
            given = (library, sha, f"{sha}.safetensors", "lora", "tiny", {}, [version])
            return registry.add_adapter(*given).id

    return make


def test_the_newest_is_listed_first_and_each_is_found_by_number_or_hash(studio, made) -> None:
    first, second = made("a"), made("b")
    assert [card.id for card in studio.adapters.list()] == [second, first]
    assert studio.adapters.get(first) == studio.adapters.get("aaaaaaaa") == studio.adapters.list()[1]
    assert studio.adapters.get(first).knows == {"rex": 1}
    with pytest.raises(AdapterNotFound):
        studio.adapters.get("cccccccc")


def test_removing_one_deletes_its_file_and_no_other(studio, made) -> None:
    first, second = made("a"), made("b")
    kept = studio.adapters.get(second)
    studio.adapters.remove(first)
    assert studio.adapters.list() == [kept]
    assert list(adapters_folder(studio.home).iterdir()) == [kept.path]
    kept.path.unlink()
    studio.adapters.remove(second)
    assert studio.adapters.list() == []


def test_a_file_that_another_library_has_stays(studio, made) -> None:
    studio.libraries.create("toys")
    studio.concepts.copy("rex", "toys")
    here, there = made("a"), made("a", "toys")
    studio.adapters.remove(here)
    with Studio(studio.home, "toys") as other:
        assert not other.adapters.get(there).missing
        other.adapters.remove(there)
    assert list(adapters_folder(studio.home).iterdir()) == []
