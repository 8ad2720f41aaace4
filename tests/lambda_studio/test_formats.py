"""What every format has in common."""

import pytest

from lambda_studio.formats import format_of, parse_json, too_new


def test_a_document_without_a_number_is_of_the_first_format() -> None:
    assert (format_of({}), format_of({"format": 1}), format_of({"format": 7})) == (1, 1, 7)


@pytest.mark.parametrize("number", [0, -3, 10**6, True, 1.0, "1", None, "x" * 500])
def test_a_number_that_cannot_be_one_is_told_shortly(number: object) -> None:
    with pytest.raises(ValueError, match=r"its format is .{1,50}, not a number from 1"):
        format_of({"format": number})


def test_what_is_too_new_says_both_numbers() -> None:
    assert too_new("a.png", 3, 2) == "a.png has format 3, and this version of λ-Studio reads formats up to 2."


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"a": 1, "a": 2}', "a key is duplicated"),
        ('{"b": {"a": 1, "a": 1}}', "a key is duplicated"),
        ("NaN", "NaN is not a JSON number"),
        ("[-Infinity]", "-Infinity is not a JSON number"),
        ("[" * 100_000, "recursion"),
        ("{", "Expecting"),
        (b"\xff", "decode"),
        ("9" * 5000, "digits"),
    ],
)
def test_json_that_a_stranger_wrote_is_read_strictly(text: str | bytes, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parse_json(text)


def test_right_json_is_read() -> None:
    assert parse_json('{"a": [1, null, "é"]}') == {"a": [1, None, "é"]}
