"""The rows of a list, in the spellings that people have."""

import json
from pathlib import Path

import pytest

from lambda_studio.bundles.layouts.rows import CLASSES, FOLDERS, LISTS, read_rows


def rows(tmp_path: Path, value: object):
    (tmp_path / "list.json").write_text(json.dumps(value))
    return read_rows(tmp_path / "list.json")


@pytest.mark.parametrize("key", [*FOLDERS, "instance-data-dir", "Instance_Data_Dir"])
@pytest.mark.parametrize("class_key", [CLASSES[0], CLASSES[-1]])
def test_folders_and_nouns_have_several_spellings(tmp_path: Path, key: str, class_key: str) -> None:
    (row,) = rows(tmp_path, [{key: "data/cat", class_key: "photo of a cat"}])
    assert (row.folder, row.noun("x").noun, row.fault) == ("data/cat", "cat", None)
    assert row.noun("x").source == f"{class_key} 'photo of a cat'"


@pytest.mark.parametrize("key", LISTS)
def test_a_list_may_lie_in_an_object_and_be_one_row(tmp_path: Path, key: str) -> None:
    row = {"instance_data_dir": "data/cat"}
    assert len(rows(tmp_path, {key: [row, row]})) == 2
    assert len(rows(tmp_path, row)) == 1


@pytest.mark.parametrize("value", [{}, [], [1], 3, {"resolution": 512}, [{"class_prompt": "cat"}]])
def test_json_of_another_kind_is_no_list(tmp_path: Path, value: object) -> None:
    assert rows(tmp_path, value) is None


def test_faults_are_told_by_row(tmp_path: Path) -> None:
    said = [{"instance_data_dir": "a"}, {"class_prompt": "cat"}, 7, {"instance_data_dir": ["b"]}]
    assert [(row.number, row.fault) for row in rows(tmp_path, said)] == [
        (1, None),
        (2, "has no instance_data_dir"),
        (3, "is not an object"),
        (4, "instance_data_dir is not a text"),
    ]


@pytest.mark.parametrize(
    ("row", "noun", "source"),
    [
        (
            {"class_prompt": "reg/caption.txt", "instance_prompt": "photo of a <new1> cat"},
            "cat",
            "instance_prompt 'photo of a <new1> cat'; class_prompt 'reg/caption.txt' is a path",
        ),
        ({"instance_prompt": "photo of a <new2> dog"}, "dog", "instance_prompt 'photo of a <new2> dog'; there is no"),
        ({"class_prompt": "a dog that runs far away"}, None, "class_prompt 'a dog that runs far away' is a sentence"),
        ({"instance_prompt": "photo of rex"}, None, "there is no class_prompt"),
        ({}, "mug", "a guess from its folder's name"),
    ],
)
def test_a_noun_that_the_class_prompt_does_not_say(tmp_path: Path, row: dict, noun: str | None, source: str) -> None:
    (read,) = rows(tmp_path, [{"instance_data_dir": "x", **row}])
    assert read.noun("mug").noun == noun
    assert read.noun("mug").source.startswith(source)


def test_rows_that_are_switched_off_or_of_a_class_say_so(tmp_path: Path) -> None:
    said = [{"path": "a", "enabled": False}, {"path": "b", "is_reg": True}, {"path": "c", "enabled": True}]
    assert [row.is_off for row in rows(tmp_path, said)] == [True, True, False]
