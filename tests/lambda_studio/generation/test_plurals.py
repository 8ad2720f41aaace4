import pytest

from lambda_studio.generation.plurals import plural, plural_ending


@pytest.mark.parametrize(
    ("noun", "several"),
    [
        ("dog", "dogs"),
        ("stuffed animal", "stuffed animals"),
        ("box", "boxes"),
        ("dish", "dishes"),
        ("bus", "buses"),
        ("dress", "dresses"),
        ("puppy", "puppies"),
        ("toy", "toys"),
        ("glasses", "glasses"),
        ("shoes", "shoes"),
    ],
)
def test_plurals_are_regular(noun, several):
    assert plural(noun) == several


@pytest.mark.parametrize(
    ("after", "length"), [("s on", 1), ("es", 2), ("s", 1), ("s' hat", 1), ("'s hat", 0), ("sled", 0), ("", 0)]
)
def test_a_plural_ending_is_an_s_that_ends_a_word(after, length):
    assert plural_ending(after) == length
