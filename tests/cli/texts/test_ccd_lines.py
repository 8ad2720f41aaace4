"""Deviations in words."""

from pathlib import Path

from cli.texts.ccd_lines import SIGN, concept_bed_lines, folder_lines
from lambda_studio.evaluation.concept_bed.ccd import FolderCcd, deviation
from lambda_studio.miniature.judge.concept_sets import ConceptBed

RESULT = deviation({"dog": [0.5], "cat": [0.75]}, {"dog": [1.0], "cat": [0.5]})


def test_a_folder_has_a_line_for_all_and_for_each_class() -> None:
    lines = [line.split() for line in folder_lines(FolderCcd("timm:convnext", RESULT))]
    assert lines[1] == ["all", "+0.1250", "-0.1250", "-", "0.6250", "0.7500"]
    assert lines[2:4] == [["dog", "+0.2500", "-0.2500"], ["cat", "+0.0000", "+0.0000"]]
    assert " ".join(lines[4]) == f"2 drawn pictures and 2 real ones, oracle: timm:convnext, reference: global. {SIGN}"


def test_the_miniature_has_a_line_for_each_column_and_for_the_means() -> None:
    found = ConceptBed({"replication": RESULT, "worn": RESULT}, 0.25, -0.5)
    lines = list(concept_bed_lines(found, Path("kept")))
    assert lines[1].startswith("concept replication") and lines[2].startswith("worn")
    assert lines[3].split()[:4] == ["composition", "alignment", "+0.2500", "-0.2500"]
    assert lines[4].split()[:3] == ["average", "-0.5000", "+0.5000"]
    assert lines[5] == f"2 pictures of each set, reference: global. {SIGN}"
    assert lines[6:] == ["kept"] and len(list(concept_bed_lines(found, None))) == 6
