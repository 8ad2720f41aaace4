"""Adapters as a user names them: what is read, and what is refused."""

import pytest

from lambda_studio.config import ScaledAdapter, read_adapters
from lambda_studio.errors import InvalidSetting


@pytest.mark.parametrize(
    ("wanted", "read"),
    [
        ("auto", [("auto", 1.0)]),
        ("none", [("none", 1.0)]),
        (3, [("3", 1.0)]),
        (" 3:0.8 ", [("3", 0.8)]),
        ("auto:.5", [("auto", 0.5)]),
        ("3:-1e-1", [("3", -0.1)]),
        ("3:0", [("3", 0.0)]),
        (["3", 5, "abcdef12:10"], [("3", 1.0), ("5", 1.0), ("abcdef12", 10.0)]),
    ],
)
def test_an_adapter_is_a_name_and_a_scale(wanted, read) -> None:
    assert read_adapters(wanted) == tuple(ScaledAdapter(*each) for each in read)


@pytest.mark.parametrize("scale", ["nan", "inf", "-inf", "10.01", "-11", "", "0.8x", "1_0", "0x1", "1e400", "0,8"])
def test_a_scale_that_is_no_number_or_out_of_bounds_is_refused(scale: str) -> None:
    with pytest.raises(InvalidSetting) as refused:
        read_adapters(f"3:{scale}")
    assert refused.value.cause == f"The scale of the adapter '3:{scale}' is not a number from -10 to 10."
    assert (refused.value.remedy, refused.value.field) == ("Give an adapter and its scale as 3:0.8.", "adapter")


@pytest.mark.parametrize(
    ("wanted", "cause"),
    [
        ([], "No adapter is given."),
        (["auto", "3"], "The adapter is auto, and others are given too."),
        (["3", "none"], "The adapter is none, and others are given too."),
        ("none:0.5", "The adapter 'none:0.5' has a scale."),
        (["3", "3:0.5"], "Adapter 3 is given twice."),
    ],
)
def test_what_contradicts_itself_is_refused(wanted, cause: str) -> None:
    with pytest.raises(InvalidSetting) as refused:
        read_adapters(wanted)
    assert refused.value.cause == cause
