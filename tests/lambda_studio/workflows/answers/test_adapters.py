"""An adapter as a person sees it."""

from datetime import datetime

from concepts.records import AdapterRecord, SeenConcept
from lambda_studio.workflows.answers.adapters import adapter_card


def seen(name: str, version: int = 1, **state: bool) -> SeenConcept:
    return SeenConcept(name, version, 1, "m", **{"stale": False, "removed": False, **state})


def adapter(*concepts: SeenConcept) -> AdapterRecord:
    day = datetime(2026, 1, 1)
    return AdapterRecord(3, "toys", "ab" * 32, "ab.safetensors", "lora", "tiny", {"rank": 2}, day, 5, concepts)


def test_a_card_says_what_the_registry_knows(tmp_path) -> None:
    record = adapter(seen("rex", 4), seen("hat"))
    card = adapter_card(record, tmp_path)
    assert (card.id, card.method, card.stack, card.run_id) == (3, "lora", "tiny", 5)
    assert (card.sha256, card.settings, card.created_at) == (record.sha256, {"rank": 2}, record.created_at)
    assert card.knows == {"rex": 4, "hat": 1}
    assert (card.removed, card.forgotten, card.stale) == ((), (), False)


def test_a_forgotten_concept_is_not_told_as_removed_too(tmp_path) -> None:
    gone = seen("rex", removed=True, forgotten=True)
    card = adapter_card(adapter(gone, seen("hat", removed=True), seen("cap", stale=True)), tmp_path)
    assert (card.forgotten, card.removed, card.stale) == (("rex",), ("hat",), True)
    assert card.knows.keys() == {"rex", "hat", "cap"}


def test_a_file_that_is_not_in_the_folder_is_missing(tmp_path) -> None:
    assert adapter_card(adapter(), tmp_path).missing
    (tmp_path / "ab.safetensors").touch()
    card = adapter_card(adapter(), tmp_path)
    assert (card.path, card.missing) == (tmp_path / "ab.safetensors", False)
