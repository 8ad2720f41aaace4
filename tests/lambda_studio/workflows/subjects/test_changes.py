"""The changes of a new version, as a value and as arguments."""

import pytest

from concepts.errors import NounMissing
from lambda_studio import Changes
from lambda_studio.errors import InvalidSetting


@pytest.mark.parametrize(
    ("changes", "error", "said"),
    [
        (Changes(), InvalidSetting, "No change to rex was given. Give noun=NOUN"),
        (Changes(segment="none"), InvalidSetting, "No change to rex was given."),
        (Changes(noun=" "), NounMissing, "The new noun of rex is empty. Name the kind of thing"),
        (Changes(noun="cat", keep_original=True), InvalidSetting, "No file was given whose original could be kept."),
    ],
)
def test_changes_without_an_effect_are_refused(changes, error, said) -> None:
    with pytest.raises(error, match=said):
        changes.require_some("rex")


def test_an_edit_takes_changes_as_a_value_or_as_arguments(studio, put, plain) -> None:
    put("rex", plain("red"), plain("blue"))
    assert studio.concepts.edit("rex", Changes(noun="cat")).concept.noun == "cat"
    assert len(studio.concepts.edit("rex", drop=[2]).concept.images) == 1
    both = studio.concepts.edit("rex", Changes(noun="cat", add=[]), noun="horse").concept
    assert (both.noun, both.version) == ("horse", 4)
    with pytest.raises(TypeError, match="nown"):
        studio.concepts.edit("rex", nown="cat")
