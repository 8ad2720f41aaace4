"""Two evaluations beside each other."""

import pytest
from PIL import Image

from lambda_studio.errors import InvalidSetting
from lambda_studio.evaluation.statistics import Interval
from lambda_studio.workflows.benchmarks.comparisons.comparing import MetricComparison, compare
from lambda_studio.workflows.benchmarks.results.results_folder import ResultsFolder, Row


@pytest.fixture
def evaluation(tmp_path):
    def made(name: str, scores, about=None):
        folder = ResultsFolder(tmp_path / name)
        folder.begin({"name": "dreambench", "protocol": "all references", **(about or {})})
        with folder.adding() as writer:
            for (subject, number), values in scores.items():
                key = f"{subject}-{number}"
                Image.new("RGB", (2, 2)).save(folder.picture(key))
                writer.add(Row(key, (subject,), "a dog", number, values))
        return folder.out

    return made


def test_differences_are_over_common_pictures_and_subjects(evaluation) -> None:
    one = evaluation("one", {(s, n): {"DINO": 0.1 * n, "CLIP-I": 0.5} for s in "abc" for n in range(4)})
    scores = {(s, n): {"DINO": 0.1 * n + 0.2, "CLIP-T": 0.5} for s in "abc" for n in range(3)}
    other = evaluation("other", {**scores, ("d", 0): {"DINO": 1.0, "CLIP-T": 0.5}})
    found = compare(one, other)
    assert (found.pictures, found.subjects, found.only_one, found.only_other) == (9, 3, 3, 1)
    (dino,) = found.metrics
    assert (dino.metric, dino.difference.ends, dino.is_clear) == ("DINO", None, False)
    assert found.notes == (
        "There are 3 subjects, and an interval needs at least 6. Without one, no difference is clear.",
    )
    assert (dino.one, dino.other) == (pytest.approx(0.1), pytest.approx(0.3))
    assert (dino.difference.mean, dino.difference.count) == (pytest.approx(0.2), 3)


def test_a_difference_of_enough_subjects_is_clear_and_rounding_never_is(evaluation) -> None:
    one, more, rounded = (
        evaluation(name, {(subject, 1): {"DINO": 0.5 + gain} for subject in "abcdef"})
        for name, gain in (("one", 0.0), ("more", 0.01), ("rounded", 4e-5))
    )
    found = compare(one, more)
    assert found.metrics[0].is_clear and found.notes == ()
    assert not compare(one, one).metrics[0].is_clear
    rounding = compare(one, rounded).metrics[0]
    assert rounding.difference.low == pytest.approx(4e-5) and not rounding.is_clear
    ways = (
        ((0.01, 0.2), True),
        ((-0.2, -0.01), True),
        ((-0.01, 0.2), False),
        ((4e-5, 0.2), False),
        ((-0.2, -4e-5), False),
    )
    for ends, clear in ways:
        assert MetricComparison("DINO", 0.5, 0.6, Interval(0.1, *ends, 6)).is_clear is clear


def test_evaluations_of_ccd_are_refused_with_the_command_that_shows_them(evaluation) -> None:
    one, other = (evaluation(name, {("a", 1): {"concept": 0.5}}, {"name": "ccd"}) for name in ("one", "the other"))
    with pytest.raises(InvalidSetting, match="have evaluations of ccd, whose results are deviations") as refused:
        compare(one, other)
    assert f"studio evaluate ccd --out {one} and studio evaluate ccd --out '{other}'" in refused.value.remedy


def test_evaluations_of_different_kinds_are_refused(evaluation) -> None:
    one = evaluation("one", {("a", 1): {"DINO": 0.1}})
    with pytest.raises(InvalidSetting, match="protocol is all references, and one reference in the other"):
        compare(one, evaluation("other", {("a", 1): {"DINO": 0.1}}, {"protocol": "one reference"}))
    with pytest.raises(InvalidSetting, match="no picture in common"):
        compare(one, evaluation("third", {("b", 1): {"DINO": 0.1}}))
    with pytest.raises(InvalidSetting, match="no metric in common"):
        compare(one, evaluation("fourth", {("a", 1): {"CLIP-I": 0.1}}))
