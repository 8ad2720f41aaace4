"""Claims and verdicts."""

import pytest

from lambda_studio.miniature.paper.claim import Checked, Claim, Expected, Result, joined

SAID = Expected("tuned", "zero-shot", "identity")


@pytest.mark.parametrize(
    ("differences", "verdict"),
    [
        ((0.1, 0.2, 0.01), "agrees"),
        ((-0.1, -0.2), "disagrees"),
        ((0.1, -0.2), "unclear"),
        ((0.0, 0.1), "unclear"),
        ((0.1,), "unclear"),
        ((0.0004, 0.0002), "unclear"),
        ((-0.0004, -0.0002), "unclear"),
        ((0.0004, 0.0008), "agrees"),
    ],
)
def test_an_expectation_holds_if_every_seed_says_so(differences, verdict) -> None:
    assert Checked(SAID, differences).verdict == verdict
    assert verdict in Checked(SAID, differences).text


@pytest.mark.parametrize(
    ("differences", "verdict"),
    [((-0.01, 0.3), "agrees"), ((-0.03, -0.04), "disagrees"), ((-0.01, -0.03), "unclear")],
)
def test_a_loss_below_the_margin_is_none(differences, verdict) -> None:
    checked = Checked(Expected("all", "each", "identity", margin=0.02), differences)
    assert checked.verdict == verdict
    assert checked.text.startswith(f"identity with all is less than 0.02 below that with each: {verdict} (")


@pytest.mark.parametrize(("difference", "verdict"), [(0.5, "agrees"), (-0.5, "agrees"), (1.5, "disagrees")])
def test_a_count_within_what_is_allowed_agrees(difference, verdict) -> None:
    checked = Checked(Expected("ours", "theirs", "steps", within=1.0), (difference,), counted=True)
    assert checked.verdict == verdict
    assert checked.text == f"steps with ours is within 1 of that with theirs: {verdict} ({difference:+.3f})"


def test_one_seed_decides_nothing_and_has_no_spread() -> None:
    assert Checked(SAID, (0.1,)).text.endswith("unclear, because one seed decides nothing (+0.100)")
    assert "decides" not in Checked(SAID, (0.1, -0.1)).text
    claim = Claim("x", "X", "", "", ("a",), {"identity": ""}, (), lambda *_: {})
    assert Result(claim, (1,), 8, ({"a": {"identity": 0.5}},)).cell("a", "identity") == "0.500"


def test_a_result_has_means_with_their_spread_and_one_verdict() -> None:
    claim = Claim(
        key="x", title="X", says="", here="", ways=("zero-shot", "tuned"), columns={"identity": ""},
        expected=(SAID, Expected("zero-shot", "tuned", "identity")), measure=lambda *_: {},
    )  # fmt: skip
    by_seed = tuple({"zero-shot": {"identity": 0.1 * at}, "tuned": {"identity": 0.1 * at + 0.2}} for at in (1, 2, 3))
    result = Result(claim, (1, 2, 3), 8, by_seed)
    assert result.cell("tuned", "identity") == "0.400 ± 0.100"
    assert [each.verdict for each in result.checked] == ["agrees", "disagrees"]
    assert [round(each, 6) for each in result.checked[0].differences] == [0.2] * 3
    assert result.verdict == "agrees in part"
    assert (joined(["unclear", "disagrees"]), joined(["disagrees"] * 2)) == ("unclear", "disagrees")
