"""The numbers of an evaluation."""

import pytest
from PIL import Image

from lambda_studio.workflows.benchmarks.reports.summary import metric_summaries, notes_of, subject_summaries
from lambda_studio.workflows.benchmarks.results.results_folder import Row


def test_a_metric_is_a_mean_over_subjects_of_the_pictures_that_have_it() -> None:
    rows = [
        Row("1", ("rex",), "", 1, {"DINO": 0.0, "CLIP-T": 0.5}),
        Row("2", ("rex",), "", 2, {"DINO": 0.2}),
        Row("3", ("max",), "", 1, {"DINO": 0.5}),
    ]
    dino, clip = metric_summaries(rows, {})
    assert (dino.metric, dino.pictures, dino.interval.count) == ("DINO", 3, 2)
    assert dino.interval.mean == pytest.approx(0.3), "each subject weighs the same"
    assert dino.interval.ends is None, "two subjects are too few"
    assert (clip.pictures, clip.interval.mean) == (1, 0.5)


def test_a_subject_of_several_in_a_picture_has_its_own_score_where_there_is_one() -> None:
    own = {"rex": {"DINO": 0.2}, "hat": {"DINO": 0.8}}
    rows = [
        Row("1", ("rex", "hat"), "", 1, {"DINO": 0.5, "CLIP-T": 0.3}, own),
        Row("2", ("rex",), "", 1, {"DINO": 0.4}),
    ]
    rex, hat = subject_summaries(rows)
    assert (rex.name, rex.pictures, rex.means["DINO"].mean) == ("rex", 2, pytest.approx(0.3))
    assert rex.means["CLIP-T"].count == 1
    assert (hat.pictures, hat.means["DINO"].mean, hat.means["CLIP-T"].mean) == (1, 0.8, 0.3)


def test_what_is_missing_is_said(evaluation, rows) -> None:
    def notes(folder) -> tuple[str, ...]:
        return notes_of(folder, folder.about(), folder.rows())

    assert notes(evaluation("whole", *rows())) == ()
    assert notes(evaluation("empty")) == ("The evaluation is empty: no picture has scores yet.",)
    part = evaluation("part", *rows()[:3], about={"name": "dreambench", "pictures": 8})
    Image.new("RGB", (2, 2)).save(part.picture("rex/2/9"))
    assert notes(part) == (
        "The evaluation is incomplete: 3 of 8 pictures have scores.",
        "1 picture has no scores yet. The numbers leave them out.",
        "1 of 2 prompts have fewer than 2 pictures: the evaluation may be incomplete.",
    )
