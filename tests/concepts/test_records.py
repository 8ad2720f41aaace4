"""The plain values that cross the registry's border."""

from dataclasses import FrozenInstanceError, replace
from datetime import UTC, datetime

import pytest

from concepts.records import AdapterRecord, DeletedBytes, SeenConcept, manifest, sha256


def test_a_file_name_that_is_not_unicode_can_be_stored(database, picture):
    odd = picture("a", source_name="caf\udce9.jpg")
    with database.transaction() as registry:
        concept = registry.add_concept("default", "rex", "dog", [odd]).concept
    assert concept.images[0].source_name == "caf\\udce9.jpg"


def test_a_new_image_is_named_by_its_bytes(picture):
    image = replace(picture("a"), original=b"file")
    assert (image.sha, image.mask_sha, image.original_sha) == (sha256(b"a"), sha256(b"mask"), sha256(b"file"))
    plain = picture("a", None)
    assert (plain.sha, plain.mask_sha, plain.original_sha) == (sha256(b"a"), None, None)
    with pytest.raises(FrozenInstanceError):
        image.data = b"b"


def test_a_manifest_covers_noun_images_masks_and_order_and_nothing_else(picture):
    images = [picture("a"), picture("b", None)]
    same = [replace(picture("a", source_name="other.jpg"), original=b"file", warnings=()), images[1]]
    assert manifest("dog", images) == manifest("dog", same)
    others = [
        manifest("cat", images),
        manifest("dog", images[::-1]),
        manifest("dog", images[:1]),
        manifest("dog", [picture("a", "other"), images[1]]),
        manifest("dog", [picture("a"), picture("b")]),
    ]
    assert len({manifest("dog", images), *others}) == 6


def test_a_manifest_is_the_one_that_was_released(picture):
    assert manifest("dog", [picture("a")]) == "8058745aaf3a650d41d201e282ffdfe989c703716f40b8fb4db53bfb548dcfe0", (
        "another would make every adapter stale"
    )


def seen(name, manifest, stale=False):
    return SeenConcept(name, 1, 1, manifest, stale=stale, removed=False)


def test_an_adapter_is_stale_by_one_and_knows_only_what_it_saw():
    concepts = (seen("rex", "a"), seen("hat", "b", stale=True))
    adapter = AdapterRecord(1, "default", "0" * 64, "f", "lora", "tiny", {}, datetime.now(UTC), None, concepts)
    assert adapter.stale
    assert not replace(adapter, concepts=concepts[:1]).stale
    assert adapter.knows(["a", "b"]) and adapter.knows([])
    assert not adapter.knows(["a", "c"])


def test_deleted_bytes_are_added_up():
    assert (DeletedBytes({"a": 3, "b": 4}).total, DeletedBytes({}).total) == (7, 0)


@pytest.mark.parametrize(
    ("removed", "forgotten", "word"), [(True, False, "removed"), (True, True, "forgotten"), (False, True, None)]
)
def test_a_concept_that_is_gone_was_removed_or_forgotten(removed, forgotten, word):
    assert SeenConcept("rex", 1, None, "m", False, removed, forgotten).gone == word
