"""Words that a stack did not learn, told with the nearest that it did."""

from lambda_studio.models.stacks.specification import BUILT_IN
from lambda_studio.workflows.learnt_words import WHERE, note_unlearnt

MINIATURE = BUILT_IN["miniature"]


def test_a_word_that_was_not_learnt_is_told_with_the_nearest_one() -> None:
    assert note_unlearnt("duck", MINIATURE) == f"miniature did not learn “duck”. {WHERE}"
    assert note_unlearnt("a Dog on the beech", MINIATURE) == (
        f"miniature did not learn “beech” (did you mean “beach”?). {WHERE}"
    )
    assert note_unlearnt("a puppy on the beech", MINIATURE) == (
        f"miniature did not learn “puppy”, “beech” (did you mean “beach”?). {WHERE}"
    )
    assert note_unlearnt("a toy that barks", MINIATURE) == f"miniature did not learn “toy”, “that”, “barks”. {WHERE}"


def test_learnt_words_and_stacks_that_know_all_words_have_no_note() -> None:
    assert note_unlearnt("a dog's hat", MINIATURE) is None
    assert note_unlearnt("duck", BUILT_IN["kandinsky-2.2"]) is None
