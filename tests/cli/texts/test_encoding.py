"""What is said about the embeddings of stored images."""

from types import SimpleNamespace

import pytest

from cli.texts.encoding import encoded as line


@pytest.mark.parametrize(
    ("encoded", "cached", "said"),
    [
        (2, 0, "Encoded 2 images with tiny."),
        (1, 2, "Encoded 1 of 3 images with tiny, which has the embeddings of the others."),
        (0, 1, "Nothing to encode: tiny has the embeddings of all images."),
    ],
)
def test_the_line_about_encoding_counts_only_what_was_encoded_now(encoded, cached, said) -> None:
    assert line(SimpleNamespace(encoded=encoded, cached=cached, stack="tiny", not_encoded=None)) == said


def test_images_that_are_not_encoded_say_why_and_when_they_are() -> None:
    added = SimpleNamespace(not_encoded="the prior of the stack tiny is not on this machine")
    assert line(added) == (
        "Not encoded yet: the prior of the stack tiny is not on this machine."
        " The first prompt or fine-tuning that names it does it."
    )
