"""Rows of labels and the oracle's logits are read as contents, and other words are refused."""

import json

import pytest
import torch

from benchmarks.judge.labels import load_labels, written
from benchmarks.judge.looks import Content, Subject, parsed, read_content
from lambda_studio.miniature.judge.oracle import Reading
from lambda_studio.miniature.judge.questions import DETAILS, LOOKS
from lambda_studio.miniature.world.identities import COLOURS, NOUNS
from lambda_studio.miniature.world.places import PLACES

DOG = Subject("dog", "red", "plain", "hat")


def test_a_row_is_a_place_and_its_subjects() -> None:
    assert parsed(["beach", ["dog", "red", "plain", "hat"]]) == Content("beach", (DOG,))
    parts = ("unclear", "blue")
    found = parsed(["beach", ["dog", "red", "plain", "hat", *parts]]).subjects[0]
    assert (found.tips, found.odd) == parts
    assert parsed(["unclear", ["unclear", "unclear", "unclear", "nothing"]]).subjects[0].main == "unclear"


@pytest.mark.parametrize(
    "row", [["shore"], ["beach", ["wolf", "red", "plain", "hat"]], ["beach", ["dog", "x", "", ""]]]
)
def test_a_word_that_the_world_does_not_have_is_refused(row: list) -> None:
    with pytest.raises(ValueError, match="Write one of"):
        parsed(row)


def test_a_subject_is_found_by_its_noun_unless_two_have_it() -> None:
    cat = Subject("cat", "blue", "plain", "nothing")
    assert Content("beach", (DOG, cat)).find("cat") == cat
    assert Content("beach", (DOG, DOG)).find("dog") is None
    assert Content("beach", (DOG,)).find("cat") is None


def test_the_oracles_likeliest_nouns_have_its_likeliest_answers() -> None:
    nouns = {name: torch.zeros(1, len(NOUNS), count) for name, count in {"present": 1, **LOOKS, **DETAILS}.items()}
    nouns["present"][0, NOUNS.index("dog")] = 2
    nouns["present"][0, NOUNS.index("cat")] = 3
    nouns["present"][0, NOUNS.index("hat")] = 9
    nouns["main"][0, NOUNS.index("dog"), list(COLOURS).index("blue")] = 1
    nouns["worn"][0, NOUNS.index("dog"), 2] = 1
    place = torch.zeros(1, len(PLACES))
    place[0, list(PLACES).index("moon")] = 1
    reading = Reading(place, nouns, torch.zeros(1, len(NOUNS), 1), torch.zeros(1, 1, 1))
    cat, dog = read_content(reading, 0, 2).subjects
    assert (cat.noun, cat.main, cat.worn) == ("cat", "red", "nothing"), "a hat is no figure"
    assert dog == Subject("dog", "blue", "plain", "crown", "red", "red")
    assert read_content(reading, 0, 2).place == "moon"


def test_a_file_of_labels_is_read_as_it_was_written(tmp_path) -> None:
    rows = [["beach", ["dog", "red", "plain", "hat"]], ["moon"]]
    text = written({"about": "two", "weights": "ab"}, [[1.0, 2.0, 3.5], [0.0, 0.0, 0.0]], rows)
    (tmp_path / "labels.json").write_text(text)
    found = load_labels(tmp_path / "labels.json")
    assert found.contents == (Content("beach", (DOG,)), Content("moon", ()))
    assert (found.weights, found.means) == ("ab", ((1.0, 2.0, 3.5), (0.0, 0.0, 0.0)))
    assert json.loads(text)["labels"]["001"] == ["moon"]
