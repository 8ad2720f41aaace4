"""Which concepts bleed follows from the matrices."""

from lambda_studio.evaluation.results import Drift, Matrix
from lambda_studio.evaluation.similarity import bleeding
from lambda_studio.workflows.evaluating.evaluation import AdapterEvaluation, Bleed

NAMES = ("rex", "max", "hat")
REAL = Matrix(NAMES, ((0.9, 0.5, 0.1), (0.5, 0.9, 0.1), (0.1, 0.1, None)))


def evaluation(*rows: tuple[float, ...]) -> AdapterEvaluation:
    drawn = Matrix(NAMES, rows)
    return AdapterEvaluation(
        adapter=1, stack="tiny", pictures=4, metrics={"likeness": "DINO", "composition": "CLIP-T"}, concepts=(),
        drawn=drawn, real=REAL, bleeding=bleeding(drawn, REAL), bleeding_before=bleeding(REAL, REAL), collapse=(),
        collapse_before=(), drift=Drift(0.1, 0.2), update_size=0.01, vanishes=False,
    )  # fmt: skip


def test_pairs_that_bleed_are_named_the_worst_first() -> None:
    found = evaluation((0.8, 0.6, 0.1), (0.75, 0.8, 0.1), (0.1, 0.1, 0.7)).bleeds
    assert [(each.drawn, each.like, round(each.more, 3)) for each in found] == [
        ("max", "rex", 0.25), ("rex", "max", 0.1),
    ]  # fmt: skip
    assert isinstance(found[0], Bleed) and found[0].before == 0.0


def test_what_is_little_alike_does_not_bleed_and_neither_does_a_concept_into_itself() -> None:
    assert evaluation((0.99, 0.5, 0.29), (0.54, 0.9, 0.1), (0.2, 0.1, 0.9)).bleeds == ()
