"""`studio subtract`."""

import pytest


@pytest.fixture
def dressed(studio, photos) -> None:
    for name, photo, noun in zip(("rex", "hat"), photos, ("dog", "hat"), strict=False):
        assert studio("add-concept", name, photo, "--noun", noun).code == 0


def test_a_part_is_taken_out_by_a_fifth_or_by_its_weight(studio, dressed) -> None:
    made = studio("subtract", "rex", "hat", "--name", "bare")
    assert (made.out, made.err) == ("Made bare (dog) in library default: 1.25 rex - 0.25 hat.\n", "")
    assert "2 rex - 1 hat" in studio("subtract", "rex", "hat:0.5", "--name", "barer").out


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        (
            ("hat:lots",),
            "The weight of 'hat' is lots. Give a number, as hat:0.7, or write \\: if the colon is in the name.",
        ),
        (("rex",), "'rex' is taken out of itself"),
        (("hat:-0.5",), "The weight of 'hat' is not above 0. What is added: studio blend"),
        (("hat:1",), "The weights have the sum 0"),
    ],
)
def test_wrong_parts_are_refused(studio, dressed, parts, said) -> None:
    refused = studio("subtract", "rex", *parts, "--name", "bare")
    assert refused.code and said in " ".join(refused.err.split())


def test_the_whole_has_no_weight(studio, dressed) -> None:
    refused = studio("subtract", "rex:2", "hat", "--name", "bare")
    assert refused.code and "The weight of 'rex' is always 1. Leave out :2" in " ".join(refused.err.split())
