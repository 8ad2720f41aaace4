"""Pages and charts of claims."""

import xml.etree.ElementTree as ET

from lambda_studio.miniature.paper.claim import Claim, Expected, Result
from lambda_studio.miniature.paper.page import chart, text_of


def result(*values: float) -> Result:
    claim = Claim(
        key="x", title="X < Y", says="says", here="here", ways=("a", "b"), columns={"c": "meaning"},
        expected=(Expected("b", "a", "c"),), measure=lambda *_: {},
    )  # fmt: skip
    by_seed = tuple({"a": {"c": value}, "b": {"c": value + 0.1}} for value in values)
    return Result(claim, tuple(range(1, len(values) + 1)), 4, by_seed)


def test_a_chart_has_a_bar_for_each_way_as_long_as_its_mean_and_a_dot_for_each_seed() -> None:
    svg = ET.fromstring(chart(result(0.2, 0.4)))
    space = "{http://www.w3.org/2000/svg}"
    widths = [float(each.get("width")) for each in svg.iter(f"{space}rect")]
    assert widths == [0.3 * 420, 0.4 * 420]
    assert len(list(svg.iter(f"{space}circle"))) == 4


def test_values_outside_of_the_axis_stay_in_the_picture() -> None:
    svg = ET.fromstring(chart(result(-0.5, 2.0)))
    assert all(190 <= float(each.get("cx")) <= 610 for each in svg.iter("{http://www.w3.org/2000/svg}circle"))


def test_counts_have_bars_of_their_own_length_and_a_dash_where_there_is_none() -> None:
    of_seed = {"a": {"c": 50.0}, "b": {"c": 100.0, "d": 0.0}}
    claim = Claim("x", "X", "says", "here", ("a", "b"), {"c": "", "d": ""}, (Expected("b", "a", "c"),), dict, True)
    counts = Result(claim, (1,), 4, (of_seed,))
    rectangles = ET.fromstring(chart(counts)).iter("{http://www.w3.org/2000/svg}rect")
    assert [float(each.get("width")) for each in rectangles] == [210, 420, 0]
    page = text_of(counts, "2026-11-27")
    assert "| a | 50 | – |" in page and "**It agrees with the paper.**" in page
    assert "Counted, 2026-11-27:\n\n    studio evaluate paper x\n" in page


def test_a_page_says_what_it_cannot_say() -> None:
    page = text_of(result(0.1), "2026-11-27")
    assert "| a | 0.100 |" in page and "One seed, which decides nothing, with 4 subjects or pictures each" in page
    assert "**It is unclear whether it agrees with the paper.**" in page
    several = text_of(result(0.1, 0.2), "2026-11-27")
    assert "**It agrees with the paper.**" in several and "Mean and standard deviation over 2 seeds" in several
