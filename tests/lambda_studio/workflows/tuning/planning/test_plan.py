"""A plan's time is that of all its steps."""

from lambda_studio.workflows.tuning.planning.plan import FinetunePlan

PLAN = {"stack": "tiny", "concepts": (), "settings": {}, "steps": 400, "images_a_step": 4, "remarks": ()}


def test_the_time_is_of_all_steps_or_not_known() -> None:
    assert FinetunePlan(**PLAN, seconds_a_step=0.5).seconds == 200
    assert FinetunePlan(**PLAN).seconds is None
