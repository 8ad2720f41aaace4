"""`studio models`, as a person uses it."""

import json

import pytest
from huggingface_hub import constants

from tests.hub_cache import put_repository


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """An empty hub's cache without a network."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    return tmp_path / "hub"


def test_the_stacks_are_listed_with_what_is_missing(studio) -> None:
    lines = studio("models").out.splitlines()
    assert lines[0].split() == ["STACK", "PART", "STATE", "SIZE", "SOURCE"]
    assert lines[1].split()[:3] == ["tiny", "clip", "here"]
    row = next(line for line in lines if line.startswith("kandinsky-2.2  decoder"))
    assert row.split()[2:] == ["missing", "~5.28", "GB", "kandinsky-community/kandinsky-2-2-decoder"]
    assert any(line.startswith("kandinsky-2.2 prior: ") for line in lines)
    said = json.loads(studio("models", "list", "--json").out)
    assert [each["part"] for each in said] == ["clip", "prior", "decoder"] * 3
    assert said[0]["format"] == 1 and said[0]["missing"] == ""


def test_a_complete_stack_is_not_fetched_again(studio) -> None:
    assert studio("models", "fetch").out.startswith("The stack tiny is complete on this machine: ")
    answer = studio("models", "fetch", "--stack", "kandinsky-2.2", "-y")
    assert answer.code == 6 and "cannot be downloaded" in answer.err


def test_removing_asks_and_names_what_goes(studio, cache, prior_folder, tmp_path) -> None:
    assert studio("models", "remove", "-y").out == "The hub's cache has no files of this stack.\n"
    put_repository(cache, "ECLIPSE-Community/Lambda-ECLIPSE-Prior-v1.0", prior_folder)
    answer = studio("models", "remove", "--stack", "kandinsky-2.2")
    assert answer.code == 2 and "ECLIPSE-Community/Lambda-ECLIPSE-Prior-v1.0 (0.00 GB). Remove them?" in answer.err
    told = studio("models", "remove", "--stack", "kandinsky-2.2", "-y").out
    assert told == "Removed ECLIPSE-Community/Lambda-ECLIPSE-Prior-v1.0: 0.00 GB.\n"
