"""Scores in words: before the training, and of what the adapter holds."""

from cli.texts.training_scores import best_lines, end_lines, score_lines


def line(step: int, score: float, likeness: float) -> dict:
    subjects = {"rex": {"likeness": likeness, "composition": 0.3}}
    return {
        "step": step,
        "score": score,
        "subjects": subjects,
        "metrics": {"likeness": "DINO", "composition": "CLIP-T"},
    }


def test_the_kept_step_is_shown_beside_before() -> None:
    scores = [line(0, 0.5, 0.51), line(50, 0.7, 0.72), line(100, 0.6, 0.61)]
    assert list(score_lines(scores, 50)) == [
        "scores against held-back images: likeness by DINO, composition by CLIP-T",
        "CONCEPT  LIKENESS BEFORE  STEP 50  COMPOSITION BEFORE  STEP 50",
        "rex      0.510            0.720    0.300               0.300",
    ]
    assert "STEP 100" in list(score_lines(scores, None))[1]
    assert list(score_lines([], None)) == []


def test_before_the_first_preview_nothing_is_shown_beside_before() -> None:
    assert list(score_lines([line(0, 0.5, 0.51)], None))[1:] == [
        "CONCEPT  LIKENESS BEFORE  COMPOSITION BEFORE",
        "rex      0.510            0.300",
    ]


def test_a_training_without_a_gain_is_said_to_be_one() -> None:
    lines = list(score_lines([line(0, 0.5, 0.5), line(50, 0.4, 0.4)], None))
    assert lines[-1].startswith("No preview scored better than before the training.")
    assert len(list(score_lines([line(0, 0.5, 0.5)], None))) == 3


def test_a_concept_that_lost_likeness_beside_others_that_gained_is_named() -> None:
    scores = [line(0, 0.5, 0.5), line(50, 0.6, 0.7)]
    for each, likeness in zip(scores, (0.5, 0.45), strict=True):
        each["subjects"]["pip"] = {"likeness": likeness, "composition": 0.3}
    said = "Less alike than before the training: pip. A training of its own may help."
    assert list(score_lines(scores, None))[-1] == said
    scores[1]["subjects"]["pip"]["likeness"] = 0.4999
    assert list(score_lines(scores, None))[-1].startswith("pip "), "it is printed as 0.500 both times"


def test_an_early_end_and_the_kept_step_are_said() -> None:
    assert list(end_lines(400, 400, None)) == []
    assert list(end_lines(200, 400, 100)) == [
        "The scores rose no more: the training ended after step 200 of 400.",
        "The adapter has the weights of step 100, whose score was the best.",
    ]


def test_the_best_step_is_said_also_if_it_is_the_last_one_or_was_not_kept() -> None:
    scores = [line(0, 0.9, 0.5), line(50, 0.6, 0.5), line(1000, 0.7, 0.5)]
    assert list(best_lines(scores, None)) == [
        "The adapter has the weights of step 1,000, the last one, whose score was the best."
    ]
    scores.append(line(2000, 0.5, 0.5))
    assert list(best_lines(scores, None)) == [
        "Step 1,000 had the best score. The adapter has the weights of step 2,000: see --keep best."
    ]
    assert list(best_lines(scores, 1000)) == list(best_lines(scores[:1], None)) == list(best_lines([], None)) == []
