"""A library goes, with all that is in it, where somebody agreed."""

from dataclasses import replace

import pytest

from concepts.errors import (
    LibraryNotEmpty,
)


def test_a_library_that_holds_something_goes_only_where_somebody_agreed(alice, toys, sql):
    with alice.transaction() as registry:
        registry.remove_concept("toys", "rex")
        with pytest.raises(LibraryNotEmpty) as refusal:
            registry.remove_library("toys")
        gone = registry.restore_concept("toys", "rex") and registry.remove_library("toys", agreed=True)
        assert registry.find_library("toys") is None
    assert refusal.value.cause == (
        "Library 'toys' is not empty: 1 removed concept, 1 adapter, 1 run would be deleted for good."
    )
    assert refusal.value.remedy == "To delete it all: studio library remove toys --yes"
    assert (gone.concepts, gone.removed_concepts, gone.unused_files) == (("rex",), (), ("ab.safetensors",))
    assert (gone.adapters, gone.runs) == ((toys["adapter"],), (toys["run"],))
    for table in ("concepts", "concept_versions", "version_images", "features", "blobs", "adapters", "runs"):
        assert sql(f"SELECT count(*) FROM {table}") == [(0,)], table


def test_an_empty_library_goes_at_once_and_its_file_stays_where_another_has_it(alice, toys, sql):
    with alice.transaction() as registry:
        registry.create_library("empty")
        registry.use_library("empty")
        assert registry.remove_library("empty").concepts == ()
        assert registry.current_library().name == "default"
        registry.add_adapter("default", "ab" * 32, "ab.safetensors", "lora", "tiny", {}, [])
        assert registry.remove_library("toys", agreed=True).unused_files == ()


FILE = b"the file, with its metadata"


@pytest.fixture
def photo(picture):
    """An image that came with its file."""
    return replace(picture("pixels"), original=FILE)


def stored(sql) -> set[str]:
    return {row[0] for row in sql("SELECT sha FROM blobs")}


def test_a_library_that_is_removed_takes_its_originals_along(database, photo, sql):
    with database.transaction() as registry:
        registry.create_library("toys")
        registry.add_concept("toys", "rex", "dog", [photo])
        registry.remove_library("toys", agreed=True)
    assert stored(sql) == set()
