"""A plan as a table, which is edited and given back."""

import json
from pathlib import Path

import pytest

from lambda_studio.bundles.layouts.table import require_free, write_table
from lambda_studio.errors import BundleRefused, InvalidSetting, OutputExists
from tests.lambda_studio.bundles.layouts.laid import aside, faults, lay, masks, planned, subjects


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return lay(tmp_path / "set", "rex/0.jpg", "rex/0.mask.png", "rex/1, 2.jpg", "minka ä/0.jpg", "20_ohwx_man/0.jpg")


@pytest.mark.parametrize("suffix", [".csv", ".json"])
def test_a_table_that_is_given_back_is_the_same_plan(root: Path, tmp_path: Path, suffix: str) -> None:
    plan = planned(root)
    back = planned(root, write_table(plan, tmp_path / f"plan{suffix}"))
    assert subjects(back) == subjects(plan)
    assert masks(back) == masks(plan) == {"rex/0.jpg": "rex/0.mask.png"}
    assert faults(back) == []
    assert {each.name: each.noun_from for each in back.subjects} == {
        "ohwx_man": "the table says none",
        "minka ä": f"the table plan{suffix}",
        "rex": f"the table plan{suffix}",
    }


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_an_edited_table_moves_renames_and_leaves_out(root: Path, tmp_path: Path, delimiter: str) -> None:
    rows = [["name", "noun", "picture", "mask"], ["Rex", "dog", "rex/0.jpg"], ["Rex", "", "minka ä/0.jpg", ""]]
    rows += [["", "", "rex/1, 2.jpg"]]
    text = "\r\n".join(delimiter.join(f'"{cell}"' for cell in row) for row in rows)
    (tmp_path / "edited.csv").write_text("\ufeff" + text, encoding="utf-8")
    plan = planned(root, tmp_path / "edited.csv")
    assert subjects(plan) == {"Rex": ("dog", ["rex/0.jpg", "minka ä/0.jpg"])}
    assert masks(plan) == {}
    assert aside(plan)["rex/1, 2.jpg"] == "pictures that belong to no subject"


def test_rows_of_other_files_and_of_two_nouns_are_faults(root: Path, tmp_path: Path) -> None:
    lay(tmp_path, "private.jpg")
    rows = [
        {"name": "rex", "noun": "dog", "picture": "rex/0.jpg"},
        {"name": "rex", "noun": "cat", "picture": "rex/1, 2.jpg"},
        {"name": "rex", "picture": "../private.jpg"},
        {"name": "rex", "picture": "rex/gone.jpg"},
        {"name": "rex", "picture": "rex/0.jpg", "mask": "no.png"},
    ]
    (tmp_path / "t.json").write_text(json.dumps({"format": 1, "pictures": rows}))
    plan = planned(root, tmp_path / "t.json")
    assert [(each.noun, each.noun_from) for each in plan.subjects] == [(None, "the table says 'dog', 'cat'")]
    assert faults(plan) == [
        f"t.json, row 3 names the picture '../private.jpg', which is outside the folder, at {tmp_path / 'private.jpg'}",
        "t.json, row 4 names the picture 'rex/gone.jpg', which is no file",
        "t.json, row 5 names the mask 'no.png', which is no file",
    ]


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("t.csv", "nom,picture\n", "its first line has no name or no picture"),
        ("t.json", '{"pictures": [{"name": "rex"}]}', "a row has no name or no picture"),
        ("t.json", "[]", "it has no list of pictures"),
        ("t.json", '{"pictures": [{"name": 1, "picture": "x"}]}', "a row has a value that is no text"),
        ("t.json", '{"format": 99, "pictures": []}', "has format 99"),
        ("gone.csv", None, "No such file"),
    ],
)
def test_a_table_that_cannot_be_read_is_refused(root: Path, tmp_path: Path, name: str, text: str | None, said: str):
    if text is not None:
        (tmp_path / name).write_text(text)
    with pytest.raises(BundleRefused, match=said):
        planned(root, tmp_path / name)


def test_a_table_has_a_known_suffix_and_replaces_no_file(root: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidSetting, match=r"plan\.txt is no name for a table"):
        require_free(tmp_path / "plan.txt")
    (tmp_path / "plan.csv").write_text("mine")
    for refuse in (require_free, lambda out: write_table(planned(root), out)):
        with pytest.raises(OutputExists, match=r"plan\.csv is already there"):
            refuse(tmp_path / "plan.csv")
    assert (tmp_path / "plan.csv").read_text() == "mine"
