"""The charts of scores lie inside their axes, which all subjects share."""

from lambda_studio.workflows.tuning.reports.score_charts import BOTTOM, HEIGHT, LEFT, TOP, WIDTH, charts_by_subject

METRICS = {"likeness": "DINO", "composition": "CLIP-T"}


def line(step: int, **likenesses: float) -> dict:
    subjects = {name: {"likeness": value, "composition": 0.3, "CLIP-I": 0.8} for name, value in likenesses.items()}
    return {"step": step, "score": 0.5, "subjects": subjects, "metrics": METRICS}


def test_each_subject_has_a_chart_of_each_score() -> None:
    charts = charts_by_subject([line(0, rex=0.5, hat=0.7), line(50, rex=0.6, hat=0.9)], kept=50)
    assert charts.keys() == {"rex", "hat"}
    assert [chart.label for chart in charts["rex"]] == ["likeness (DINO)", "composition (CLIP-T)", "CLIP-I"]
    rex, hat = charts["rex"][0], charts["hat"][0]
    assert rex.rows == hat.rows and rex.columns == hat.columns
    for chart in (*charts["rex"], *charts["hat"]):
        assert all(LEFT <= x <= WIDTH and TOP <= y <= HEIGHT - BOTTOM for x, y in chart.dots)
        assert chart.points == " ".join(f"{x},{y}" for x, y in chart.dots)
        assert chart.kept == chart.dots[1]
    assert [dot[0] for dot in rex.dots] == [LEFT, 328.0]
    assert rex.dots[0][1] > rex.dots[1][1] > hat.dots[1][1], "a higher score is higher in the chart"


def test_without_scores_there_are_no_charts_and_without_a_kept_step_no_circle() -> None:
    assert charts_by_subject([], None) == {}
    assert charts_by_subject([line(0, rex=0.5)], None)["rex"][0].kept is None
