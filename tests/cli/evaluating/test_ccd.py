"""`studio evaluate ccd`."""

import json

import pytest
from PIL import Image

from lambda_studio.miniature.judge import concept_sets


def test_without_folders_the_miniature_is_measured_and_its_pictures_are_kept(studio, tmp_path) -> None:
    asked = ("evaluate", "ccd", "--stack", "miniature", "--pictures", 2, "--steps", 1, "--out", tmp_path / "kept")
    answer = studio(*asked)
    assert answer.code == 0
    assert [line.split("  ")[0] for line in answer.out.splitlines()[1:7]] == [
        "concept replication", "concept alignment", "place", "worn", "composition alignment", "average",
    ]  # fmt: skip
    assert "2 pictures of each set, reference: global. CCD is real less drawn, the sign of the paper's" in answer.out
    assert len([*(tmp_path / "kept/pictures").rglob("*.png")]) == 4
    said = json.loads(studio(*asked, "--json").out)
    column = said["columns"]["place"]
    assert column["ccd"] == -column["ccd_repo"] and column["pictures"] == 2
    assert {"composition", "average", "format"} <= set(said)


def test_folders_are_compared_class_by_class(studio, tmp_path) -> None:
    for name in ("drawn/dog", "drawn/cat", "real/dog"):
        (tmp_path / name).mkdir(parents=True)
        Image.effect_noise((64, 64), 40).convert("RGB").save(tmp_path / name / "a.png")
    answer = studio("evaluate", "ccd", "--generated", "drawn", "--real", "real")
    assert answer.code == 0
    lines = answer.out.splitlines()
    assert lines[0].split()[:4] == ["CLASS", "CCD", "CODE'S", "CCD"]
    assert [line.split()[0] for line in lines[1:4]] == ["all", "cat", "dog"]
    assert "2 drawn pictures and 1 real ones, oracle: miniature, reference: global." in answer.out
    said = json.loads(studio("evaluate", "ccd", "--generated", "drawn", "--real", "real", "--json").out)
    assert (said["oracle"], set(said["result"]["by_class"])) == ("miniature", {"cat", "dog"})
    refused = studio("evaluate", "ccd", "--generated", "drawn", "--real", "real", "--reference", "class")
    assert refused.code == 2 and "There are no real pictures of cat." in refused.err
    assert "or compare with all: --reference global." in refused.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--real", "real"), "Give both --generated and --real, or neither"),
        (("--oracle", "timm:folder"), "Give both --generated and --real, or neither"),
        (("--generated", "a", "--real", "b", "--steps", 3), "are for pictures that the miniature draws"),
        (("--generated", "a", "--real", "b", "--out", "c"), "are for pictures that the miniature draws"),
        (("--generated", "a", "--real", "b"), "There is no folder a."),
        (("--generated", "a", "--real", "b", "--oracle", "x"), "There is no --oracle 'x'"),
        (("--pictures", 1), "The number of --pictures is 1."),
    ],
)
def test_what_cannot_be_measured_is_refused(studio, monkeypatch, words, said) -> None:
    monkeypatch.setattr(concept_sets, "_measured", lambda *_: pytest.fail("nothing may be drawn"))
    answer = studio("evaluate", "ccd", *words)
    assert answer.code == 2 and said in answer.err
