"""The first metric of a stack decides."""

from lambda_studio.evaluation.by_clip import ClipComposition, ClipLikeness
from lambda_studio.evaluation.measures import Composition, Judges, Likeness


def test_the_first_likeness_decides(stack) -> None:
    whole, cut = ClipLikeness(stack), ClipLikeness(stack, cut_outs=True)
    assert Judges((cut, whole), ClipComposition(stack), whole).likeness is cut


def test_the_metrics_have_the_form_of_their_protocols(stack) -> None:
    assert isinstance(ClipLikeness(stack), Likeness)
    assert isinstance(ClipComposition(stack), Composition)
    assert not isinstance(ClipComposition(stack), Likeness)
