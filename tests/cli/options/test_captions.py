"""`--caption N=TEXT`, read."""

import click
import pytest

from cli.options.captions import by_image


def test_captions_are_by_numbers_or_names_and_may_be_empty_or_contain_equals_signs() -> None:
    assert by_image(("1=rex = a dog", "a.jpg=", "22=x\ny")) == {1: "rex = a dog", "a.jpg": "", 22: "x\ny"}


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        (("rex on a sofa",), "--caption 'rex on a sofa' is not N=TEXT, for example '1=rex on a sofa', or 1= for none"),
        (("=rex",), "--caption '=rex' is not N=TEXT"),
        (("1=a", "1=b"), "Image 1 is given two captions. Give it one."),
    ],
)
def test_what_is_no_caption_of_an_image_is_refused(texts, said) -> None:
    with pytest.raises(click.UsageError, match=said):
        by_image(texts)
