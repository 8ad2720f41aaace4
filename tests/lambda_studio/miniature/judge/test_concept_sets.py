"""ConceptBed's columns on the miniature, on a few pictures."""

import pytest

from lambda_studio.errors import InvalidSetting
from lambda_studio.miniature.judge import concept_sets
from lambda_studio.miniature.judge.concept_sets import SETS, Wishes, deviations_of, measure_concepts
from lambda_studio.models.stacks.stack import Stack
from lambda_studio.workflows.benchmarks.results.results_folder import ResultsFolder, Row

FEW = Wishes(pictures=3, steps=1)


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory):
    out = tmp_path_factory.mktemp("ccd") / "evaluation"
    return out, measure_concepts(FEW, out)


def test_every_picture_has_a_row_with_its_questions_and_the_real_confidences(evaluated) -> None:
    rows = ResultsFolder(evaluated[0]).rows()
    assert len(rows) == 2 * 3
    for name, questions in SETS.items():
        row = rows[f"{name}/001"]
        assert set(row.scores) == set(questions) and row.seed == 1001
        assert all(0 <= row.scores[each] <= 1 and 0 <= row.facts[f"real {each}"] <= 1 for each in questions)
        assert row.facts["concept"] == row.subjects[0] and row.subjects[0] in row.prompt
    assert "worn" not in rows["replication/000"].facts
    assert ResultsFolder(evaluated[0]).about()["pictures"] == 3


def test_columns_and_averages_follow_from_the_rows(evaluated) -> None:
    found = evaluated[1]
    assert set(found.columns) == {"replication", "alignment", "place", "worn"}
    columns = {name: each.ccd for name, each in found.columns.items()}
    assert found.composition == pytest.approx((columns["place"] + columns["worn"]) / 2)
    assert found.average == pytest.approx((columns["replication"] + columns["alignment"] + found.composition) / 3)
    assert found.columns["alignment"].real > 0.9, "the oracle is sure of renderings"
    rows = list(ResultsFolder(evaluated[0]).rows().values())
    assert deviations_of(rows, "global") == found


def test_a_stopped_evaluation_goes_on_and_another_one_is_refused(evaluated, tmp_path, monkeypatch) -> None:
    out, found = evaluated
    monkeypatch.setattr(concept_sets, "_drawn", lambda *_: pytest.fail("it is drawn already"))
    assert measure_concepts(FEW, out) == found
    with pytest.raises(InvalidSetting, match="other settings: seed 1000, now 7"):
        measure_concepts(Wishes(pictures=3, steps=1, seed=7), out)


def test_pictures_and_scores_of_other_weights_are_not_taken(evaluated, monkeypatch) -> None:
    out = evaluated[0]
    said = ResultsFolder(out).about()
    assert set(said["weights"]) >= {"clip", "prior", "decoder"} and len(said["metric_weights"]["oracle"]) == 64
    monkeypatch.setattr(concept_sets, "_oracle_fingerprint", lambda: "another")
    with pytest.raises(InvalidSetting, match=f"other settings: oracle {said['metric_weights']['oracle']}, now another"):
        measure_concepts(FEW, out)
    monkeypatch.undo()
    monkeypatch.setattr(Stack, "fingerprints", lambda _: {**said["weights"], "prior": "trained anew"})
    with pytest.raises(InvalidSetting, match=r"other settings: prior .*, now trained anew"):
        measure_concepts(FEW, out)


def test_wrong_wishes_are_refused() -> None:
    with pytest.raises(InvalidSetting, match="number of pictures is 1"):
        Wishes(pictures=1)
    with pytest.raises(InvalidSetting, match="number of steps is 0"):
        Wishes(steps=0)
    with pytest.raises(InvalidSetting, match="reference is 'all'"):
        Wishes(reference="all")


def test_a_stack_of_another_size_is_refused(stack_file) -> None:
    with pytest.raises(InvalidSetting, match="pixels, but the miniature's world has 128"):
        measure_concepts(Wishes(stack=str(stack_file)))


def test_a_column_is_compared_by_its_own_labels() -> None:
    def row(number: int, place: str, drawn: float, real: float) -> Row:
        facts = {"set": "composition", "concept": "dog", "place": place, "worn": "hat"}
        facts |= {"real concept": 1.0, "real place": real, "real worn": 1.0}
        return Row(f"composition/{number}", ("dog",), "", 0, {"concept": 0.5, "place": drawn, "worn": 0.75}, {}, facts)

    alone = Row(
        "replication/0",
        ("dog",),
        "",
        0,
        {"concept": 0.875},
        {},
        {"set": "replication", "concept": "dog", "real concept": 1.0},
    )
    found = deviations_of([alone, row(0, "beach", 0.5, 0.75), row(1, "moon", 1.0, 0.75)], "class")
    assert found.columns["place"].by_class == {"beach": 0.25, "moon": -0.25}
    assert (found.columns["replication"].ccd, found.columns["alignment"].ccd) == (0.125, 0.5)
    assert (found.composition, found.columns["worn"].ccd) == (0.125, 0.25)
