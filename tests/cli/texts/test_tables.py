"""Columns of text, and words that are counted."""

import pytest

from cli.texts.tables import counted, settings_lines, span, spoken, table


def test_columns_line_up() -> None:
    assert list(table(("NAME", "N"), [("a", 1), ("bcdefg", 22)])) == ["NAME    N", "a       1", "bcdefg  22"]
    assert list(table(("NAME",), [])) == []
    assert (counted(1, "image"), counted(2, "image")) == ("1 image", "2 images")


def test_an_interval_has_two_ends_or_a_dash() -> None:
    assert (span((-0.1, 0.25), "+.2f"), span(None, ".2f")) == ("-0.10 to +0.25", "-")


def test_settings_are_in_plain_words() -> None:
    settings = {"weights": {"rex": 2.0, "mug": 0.5}, "use_dora": False, "soft": True, "alpha": None, "rate": 1e-05}
    assert settings_lines({**settings, "prompts": [], "of": [3, 5], "rank": 16}, but=("rank",)) == [
        "  weights: rex 2, mug 0.5",
        "  use_dora: no",
        "  soft: yes",
        "  rate: 1e-05",
        "  prompts: none",
        "  of: 3, 5",
    ]


@pytest.mark.parametrize(
    ("seconds", "said"), [(7.4, "7 s"), (60, "1 min 0 s"), (3599.6, "1 h 0 min"), (7384, "2 h 3 min")]
)
def test_durations_are_said_in_words(seconds: float, said: str) -> None:
    assert spoken(seconds) == said
