"""Lists of concepts: found in a folder or given, with folders beside them."""

import json
from pathlib import Path

import pytest

from lambda_studio.bundles.layouts.kohya import REGULARISATION
from lambda_studio.errors import BundleRefused
from tests.lambda_studio.bundles.layouts.laid import aside, faults, lay, planned, subjects

BOTH = {"cat": ("cat", ["data/cat/0.jpg"]), "dog": ("dog", ["data/dog/0.jpg"])}
ROWS = [
    {"instance_data_dir": "./data/cat", "class_prompt": "cat", "class_data_dir": "./real_reg/samples_cat"},
    {"instance_data_dir": "data/dog/", "class_prompt": "a photo of a dog", "class_data_dir": "x"},
]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return lay(tmp_path / "set", "data/cat/0.jpg", "data/dog/0.jpg")


@pytest.mark.parametrize("name", ["concepts_list.json", "concept_list.json", "diffname.json"])
@pytest.mark.parametrize("as_file", [True, False])
def test_a_list_of_any_name_is_found_or_given(root: Path, name: str, as_file: bool) -> None:
    (root / name).write_text(json.dumps(ROWS))
    plan = planned(root / name if as_file else root)
    assert (plan.layout, subjects(plan), faults(plan)) == (f"the list {name}", BOTH, [])
    assert aside(plan) == {name: "the list of the subjects"}


def test_a_byte_order_mark_and_backslashes_are_read(root: Path) -> None:
    text = json.dumps(ROWS).replace("./data/cat", "data\\\\cat").replace("data/dog/", ".\\\\data\\\\dog")
    (root / "concepts_list.json").write_text("\ufeff" + text, encoding="utf-8")
    assert (subjects(planned(root)), faults(planned(root))) == (BOTH, [])


def test_pictures_of_a_class_and_what_no_row_names_are_left_aside(root: Path) -> None:
    lay(root, "real_reg/samples_cat/1.jpg", "data/mug/0.jpg")
    (root / "concepts_list.json").write_text(json.dumps(ROWS))
    plan = planned(root)
    assert subjects(plan) == BOTH
    assert aside(plan) == {
        "concepts_list.json": "the list of the subjects",
        "data/mug/0.jpg": "pictures that belong to no subject",
        "real_reg/samples_cat/1.jpg": REGULARISATION,
    }


def test_faults_are_told_by_row_and_the_other_rows_stay(root: Path, tmp_path: Path) -> None:
    lay(tmp_path, "private/0.jpg", "set/empty/a.txt")
    folders = ["data/cat", "gone", "../private", "empty", "data/cat/"]
    rows = [{"instance_data_dir": folder, "class_prompt": "cat"} for folder in folders]
    (root / "concepts_list.json").write_text(json.dumps([*rows, {"class_prompt": "cat"}]))
    plan = planned(root)
    assert subjects(plan) == {"cat": BOTH["cat"]}
    where = "concepts_list.json, row"
    assert faults(plan) == [
        f"{where} 2 names instance_data_dir 'gone', which is no folder",
        f"{where} 3 names instance_data_dir '../private', which is outside the folder, at {tmp_path / 'private'}",
        f"{where} 4 names instance_data_dir 'empty', which contains no pictures",
        f"{where} 5 names instance_data_dir 'data/cat/' again, as row 1 does",
        f"{where} 6 has no instance_data_dir",
    ]


def test_folders_are_looked_up_in_the_current_folder_too(root: Path, tmp_path: Path, monkeypatch) -> None:
    lay(tmp_path / "here", "data/mug/0.jpg", "data/mug/0.mask.png", "data/mug/0.txt")
    monkeypatch.chdir(tmp_path / "here")
    (root / "concepts_list.json").write_text('[{"instance_data_dir": "data/mug", "class_prompt": "mug"}]')
    plan = planned(root)
    folder = tmp_path / "here" / "data" / "mug"
    (subject,) = plan.subjects
    assert [(each.file, each.mask, each.caption) for each in subject.pictures] == [
        (str(folder / "0.jpg"), str(folder / "0.mask.png"), str(folder / "0.txt"))
    ]
    assert f"{folder}/0.txt" not in aside(plan)


def test_rows_that_are_switched_off_are_left_aside(root: Path) -> None:
    (root / "concepts.json").write_text('[{"path": "data/cat", "enabled": false}, {"path": "data/dog"}]')
    plan = planned(root)
    assert list(subjects(plan)) == ["dog"]
    assert aside(plan)["data/cat/0.jpg"] == "switched off in the list, or of a class"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{}", "no row has a folder"),
        ("[1]", "no row has a folder"),
        ("[" * 100_000, "maximum recursion"),
        ('[{"class_prompt": "cat"}]', "no row has a folder"),
        ('[{"instance_data_dir": "x",}]', "Expecting property name"),
    ],
)
def test_a_list_that_cannot_be_read_is_refused(root: Path, text: str, said: str) -> None:
    (root / "concepts_list.json").write_text(text)
    with pytest.raises(BundleRefused, match=f"concepts_list.json is not a list of concepts: .*{said}") as caught:
        planned(root)
    assert "instance_data_dir" in caught.value.remedy


def test_two_lists_are_not_chosen_from_and_other_json_is_no_list(root: Path) -> None:
    for name in ("a.json", "b.json"):
        (root / name).write_text(json.dumps(ROWS))
    with pytest.raises(BundleRefused, match=r"has 2 lists of concepts: a\.json, b\.json"):
        planned(root)
    (root / "b.json").write_text('{"resolution": 512}')
    assert aside(planned(root)) == {"a.json": "the list of the subjects", "b.json": "not pictures"}
