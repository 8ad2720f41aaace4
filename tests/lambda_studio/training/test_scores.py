"""What follows from scores is a function of them: the best preview, the end, and who is drawn less."""

import json
from pathlib import Path

import pytest

from lambda_studio.training.scores import LEAST_GAIN, PENALTY, Rules, Scoreboard, Scored, Share, waited

METRICS = {"likeness": "DINO", "composition": "CLIP-T"}


def board(rules: Rules, *previews: dict[str, tuple[float, float]], path: Path | None = None) -> Scoreboard:
    """A board of previews after 0, 10, 20 … steps, with the likeness and the composition of each subject."""
    made = Scoreboard(rules, METRICS, 10, path)
    for number, of_subjects in enumerate(previews):
        made.add(scored(10 * number, of_subjects))
    return made


def scored(step: int, of_subjects: dict[str, tuple[float, float]]) -> Scored:
    return Scored(step, {name: {"likeness": one, "composition": two} for name, (one, two) in of_subjects.items()})


def rex(*likenesses: float) -> list[dict[str, tuple[float, float]]]:
    return [{"rex": (value, 0.3)} for value in likenesses]


def test_a_score_is_the_likeness_less_the_share_of_composition_that_was_lost() -> None:
    found = board(Rules(), {"rex": (0.5, 0.30)}, {"rex": (0.7, 0.27)}, {"rex": (0.7, 0.40)})
    assert found.by_subject()["rex"] == pytest.approx([0.5, 0.7 - PENALTY * 0.1, 0.7])
    two = board(Rules(), {"rex": (0.5, 0.3), "hat": (0.9, 0.2)}, {"rex": (0.7, 0.3), "hat": (0.9, 0.1)})
    assert two.overall() == pytest.approx([0.7, (0.7 + 0.9 - 0.5) / 2])


def test_the_best_preview_is_the_earliest_of_equal_ones_and_never_the_untrained_decoder() -> None:
    assert board(Rules()).best is None
    assert board(Rules(), *rex(0.9)).best is None
    assert board(Rules(), *rex(0.9, 0.5, 0.6, 0.6)).best == 20
    assert board(Rules(), *rex(0.9, 0.5, 0.6, 0.6)).kept() == set()
    assert board(Rules(keep_best=True), *rex(0.9, 0.5, 0.6, 0.6)).kept() == {20}


def test_a_gain_that_is_too_small_is_none() -> None:
    assert waited([0.5]) == 0
    assert waited([0.5, 0.6, 0.5]) == 1
    assert waited([0.5, 0.5 + LEAST_GAIN / 2, 0.5 + LEAST_GAIN, 0.5 + LEAST_GAIN]) == 1


def test_patience_ends_a_run_after_so_many_previews_without_a_gain() -> None:
    likenesses = [0.5, 0.6, 0.6, 0.6]
    ended = [board(Rules(patience=2), *rex(*likenesses[:count])).is_enough for count in range(5)]
    assert ended == [False, False, False, False, True]
    assert not board(Rules(), *rex(*likenesses)).is_enough


def test_a_subject_that_is_done_is_drawn_less_and_stays_so_until_all_are() -> None:
    rules = Rules(patience=1, ease_off=True)
    previews = [
        {"rex": (0.5, 0.3), "hat": (0.5, 0.3)},
        {"rex": (0.5, 0.3), "hat": (0.6, 0.3)},
        {"rex": (0.9, 0.3), "hat": (0.7, 0.3)},
        {"rex": (0.9, 0.3), "hat": (0.7, 0.3)},
    ]
    found = board(rules, *previews[:3])
    assert found.share() == Share(10, frozenset({"rex"}))
    assert [found.share(step) for step in (0, 9)] == [Share(), Share()]
    assert [found.share(step) for step in (10, 25)] == [Share(10, frozenset({"rex"}))] * 2
    assert not found.is_enough
    whole = board(rules, *previews)
    assert whole.share() == Share(30, frozenset({"rex", "hat"}))
    assert whole.is_enough
    assert board(Rules(patience=1), *previews).share() == Share()


def test_a_board_goes_on_from_its_state_and_repeats_no_step(tmp_path: Path) -> None:
    path = tmp_path / "scores.jsonl"
    first = board(Rules(patience=2), *rex(0.5, 0.6, 0.7), path=path)
    again = Scoreboard(Rules(patience=2), METRICS, 10, path)
    again.load(json.loads(json.dumps(first.state()))[:2])
    assert [again.has(step) for step in (0, 10, 20)] == [True, True, False]
    again.add(scored(10, {"rex": (0.65, 0.3)}))
    assert again.overall() == [0.5, 0.65]
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert lines[1] == {
        "step": 10, "score": 0.65, "subjects": {"rex": {"likeness": 0.65, "composition": 0.3}}, "metrics": METRICS,
    }  # fmt: skip


def test_only_what_follows_from_scores_belongs_to_the_description_of_a_run() -> None:
    assert board(Rules()).about == {}
    assert board(Rules(patience=2)).about == {"scores": "DINO and CLIP-T every 10 steps"}
