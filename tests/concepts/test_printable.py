"""What a terminal could take for a command is escaped, and nothing else is."""

import json
import unicodedata

import pytest

from concepts.printable import has_control, printable, printable_json

NASTY = {
    "\x1b[2J\x1b]0;title\x07": r"\x1b[2J\x1b]0;title\x07",
    "a\nAdded root (dog)": r"a\nAdded root (dog)",
    "a\u202eb": r"a\u202eb",
    "\x00": r"\x00",
    "\x9b2J": r"\x9b2J",
    "\u2028": r"\u2028",
    "\udcff": r"\udcff",
    "\U000e0041": r"\U000e0041",
}
FRIENDLY = ("rex", "é ü ß", "ペット", "👩\u200d🚀", "می\u200cخواهم", "C:\\photos", "a → b …")


@pytest.mark.parametrize("text", NASTY)
def test_a_hidden_character_is_shown_by_its_escape(text: str) -> None:
    assert printable(text) == NASTY[text]


@pytest.mark.parametrize("text", FRIENDLY)
def test_a_text_of_people_stays(text: str) -> None:
    assert printable(text) == text
    assert not has_control(text)


def test_json_stands_for_the_same_values_and_shows_nothing_hidden() -> None:
    value = {key: [key, *FRIENDLY] for key in NASTY}
    shown = printable_json(json.dumps(value, ensure_ascii=False, indent=2))
    assert json.loads(shown) == value
    categories = {unicodedata.category(each) for each in shown if each not in "\n\u200c\u200d"}
    assert categories.isdisjoint({"Cc", "Cf", "Cs", "Zl", "Zp"})
    assert printable_json("\u007f") == r"\u007f"
    shown.encode()


@pytest.mark.parametrize("text", ["\x00", "\x1b", "a\nb", "\u2028", "\udcff"])
def test_controls_line_breaks_and_halves_of_pairs_are_told_apart(text: str) -> None:
    assert has_control(text)
    assert not has_control("a\u202eb")
