"""Concept confidence deviations by hand, in both signs and against both references."""

import pytest

from lambda_studio.errors import InvalidSetting
from lambda_studio.evaluation.concept_bed.ccd import average, ccd, checked_reference, deviation, deviations

DRAWN = {"dog": [0.5, 0.7], "cat": [0.9]}
REAL = {"dog": [0.8], "cat": [0.6, 1.0, 0.8]}
"""The mean of all real ones is 0.8, as that of each class."""
UNEVEN = {"dog": [0.6], "cat": [0.8, 1.0]}
"""The mean of all is 0.8; the classes have 0.6 and 0.9."""


def test_the_papers_sign_is_real_less_drawn_and_the_codes_sign_its_opposite() -> None:
    assert ccd(DRAWN, REAL) == pytest.approx(0.8 - 0.7)
    assert ccd(DRAWN, REAL, convention="paper") == pytest.approx(0.1)
    assert ccd(DRAWN, REAL, convention="repo") == pytest.approx(-0.1)
    found = deviation(DRAWN, REAL)
    assert (found.ccd, found.ccd_repo) == (pytest.approx(0.1), pytest.approx(-0.1))


def test_equal_confidences_deviate_by_0_and_surer_ones_are_negative() -> None:
    assert ccd(REAL, REAL) == pytest.approx(0)
    assert ccd({"dog": [1.0]}, REAL) == pytest.approx(-0.2)


def test_the_reference_by_class_differs_where_classes_are_uneven() -> None:
    assert deviations(DRAWN, UNEVEN)["dog"] == pytest.approx([0.3, 0.1])
    assert deviations(DRAWN, UNEVEN, "class")["dog"] == pytest.approx([0.1, -0.1])
    assert ccd(DRAWN, UNEVEN) == pytest.approx((0.3 + 0.1 - 0.1) / 3)
    assert ccd(DRAWN, UNEVEN, "class") == pytest.approx((0.1 - 0.1 + 0.0) / 3)
    found = deviation(DRAWN, UNEVEN, "class")
    assert (found.drawn, found.real) == (pytest.approx(0.7), pytest.approx(0.7)), "real is weighted as drawn"
    assert found.by_class == {"dog": pytest.approx(0), "cat": pytest.approx(0)}
    assert (found.pictures, found.real_pictures, found.reference) == (3, 3, "class")


def test_the_interval_is_of_the_mean_over_pictures() -> None:
    found = deviation({"dog": [0.0, 1.0] * 20}, {"dog": [1.0]})
    assert found.interval.mean == pytest.approx(found.ccd) == pytest.approx(0.5)
    assert 0.3 < found.interval.low < 0.5 < found.interval.high < 0.7


def test_the_average_of_the_published_columns_is_the_published_one() -> None:
    assert round(average((0.2853, 0.3619, -0.0200)), 4) == 0.2091  # λ-ECLIPSE, Table 3


def test_what_cannot_be_compared_is_said() -> None:
    with pytest.raises(InvalidSetting, match="no drawn pictures"):
        ccd({"dog": []}, REAL)
    with pytest.raises(InvalidSetting, match="no real pictures"):
        ccd(DRAWN, {})
    with pytest.raises(InvalidSetting, match="no real pictures of cat"):
        ccd(DRAWN, {"dog": [1.0]}, "class")
    assert ccd(DRAWN, {"dog": [1.0]}) == pytest.approx(0.3)
    assert checked_reference("class") == "class"
    with pytest.raises(InvalidSetting, match=r"reference is 'both'.*global class"):
        checked_reference("both")


def test_no_deviation_is_zero_in_both_signs_and_not_minus_zero() -> None:
    found = deviation({"dog": [0.5, 0.5]}, {"dog": [0.5, 0.5]})
    assert (str(found.ccd), str(found.ccd_repo)) == ("0.0", "0.0")
