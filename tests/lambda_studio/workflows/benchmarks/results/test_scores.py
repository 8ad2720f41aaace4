"""The table, against values computed by hand."""

import pytest

from lambda_studio.errors import InvalidSetting
from lambda_studio.workflows.benchmarks.results.cells import Cell
from lambda_studio.workflows.benchmarks.results.results_folder import Row
from lambda_studio.workflows.benchmarks.results.scores import means_of, overall, real_row, require_complete


def row(subject: str, value: float, **of_subjects: float) -> Row:
    subjects = tuple(of_subjects) or (subject,)
    by_subject = {name: {"DINO": each} for name, each in of_subjects.items()}
    return Row(f"{subject}/01/1", subjects, "", 0, {"DINO": value, "CLIP-T": 0.5}, by_subject)


ROWS = [row("duck", 0.2), row("duck", 0.4), row("can", 0.8), row("can", 1.0)]


def test_subjects_count_the_same_or_by_their_references() -> None:
    assert overall(ROWS, {})["DINO"].mean == pytest.approx(0.6)
    pairs = {"protocol": {"mean": "over pairs with references"}, "references": {"duck": 4, "can": 6}}
    by_pairs = overall(ROWS, pairs)["DINO"]
    assert by_pairs.mean == pytest.approx((4 * 0.3 + 6 * 0.9) / 10)
    assert (by_pairs.ends, by_pairs.count) == (None, 2)


def test_every_picture_counts_the_same_where_a_subject_has_more_of_them() -> None:
    over_pictures = {"protocol": {"mean": "over the subjects of a picture, then over pictures"}}
    assert overall(ROWS[1:], over_pictures)["DINO"].mean == pytest.approx((0.4 + 0.8 + 1.0) / 3)
    assert overall(ROWS[1:], {})["DINO"].mean == pytest.approx((0.4 + 0.9) / 2), "else subjects count the same"


def test_the_first_of_several_subjects_is_the_unit() -> None:
    rows = [row("dog", 0.5, dog=0.2, vase=0.8), row("dog", 0.7, dog=0.4, can=1.0)]
    assert overall(rows, {})["DINO"].count == 1


@pytest.mark.parametrize("said", [{}, {"references": 3}, {"references": {"duck": "4"}}, {"references": {"duck": 0}}])
def test_pairs_that_are_not_known_are_refused(said) -> None:
    with pytest.raises(InvalidSetting, match="does not say how many there are of 'duck'") as refused:
        overall(ROWS, {"protocol": {"mean": "over pairs with references"}, **said})
    assert "--mean pairs --score-only" in refused.value.remedy


def test_a_subject_of_several_in_a_picture_has_its_own_likeness() -> None:
    rows = [row("dog", 0.5, dog=0.2, vase=0.8), row("dog", 0.7, dog=0.4, vase=1.0)]
    assert means_of("dog", rows) == {"DINO": pytest.approx(0.3), "CLIP-T": 0.5}
    assert means_of("vase", rows)["DINO"] == pytest.approx(0.9)


def test_the_row_of_photographs_leaves_single_ones_out() -> None:
    reals = {"duck": {"DINO": 0.7}, "can": {"DINO": 0.9}, "vase": {"DINO": None}}
    assert real_row(reals, lambda name: 1) == {"DINO": pytest.approx(0.8)}
    assert real_row(reals, {"duck": 12, "can": 30}.__getitem__) == {"DINO": pytest.approx((12 * 0.7 + 30 * 0.9) / 42)}
    assert real_row({"vase": {"DINO": None}}, lambda name: 1) == {}


def test_an_incomplete_table_is_refused() -> None:
    cells = [Cell("duck/01", ("duck",), "", ""), Cell("can/01", ("can",), "", "")]
    rows = {"duck/01/1": ROWS[0], "can/01/1": ROWS[2]}
    assert require_complete(rows, cells, 1) == [ROWS[0], ROWS[2]]
    with pytest.raises(InvalidSetting, match=r"2 of 4 pictures have no score, such as duck/01/2\."):
        require_complete(rows, cells, 2)
