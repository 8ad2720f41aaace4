"""The tables of a report say what was measured, and colour what bleeds."""

from dataclasses import replace

from lambda_studio.evaluation.results import Collapse, Copies, Drift, Matrix
from lambda_studio.evaluation.similarity import bleeding
from lambda_studio.workflows.evaluating.evaluation import AdapterEvaluation, ConceptEvaluation
from lambda_studio.workflows.tuning.reports.evaluation_tables import FULL, tables_of

NAMES = ("rex", "hat")
REAL, DRAWN = Matrix(NAMES, ((0.9, 0.4), (0.4, None))), Matrix(NAMES, ((0.8, 0.4 + FULL / 2), (0.3, 0.7)))
REX = ConceptEvaluation(
    "rex", {"DINO": 0.8}, {"DINO": 0.6}, {"DINO": 0.9}, 0.3, 0.31, Copies(0.9, 0.5), Copies(0.8, 0.25)
)
FOUND = AdapterEvaluation(
    adapter=1, stack="tiny", pictures=4, metrics={"likeness": "DINO", "composition": "CLIP-T"}, concepts=(REX,),
    drawn=DRAWN, real=REAL, bleeding=bleeding(DRAWN, REAL), bleeding_before=bleeding(REAL, REAL),
    collapse=(Collapse(2, 4, 0.25, {}),), collapse_before=(Collapse(2, 4, 0.5, {}),), drift=Drift(0.01, 0.3),
    update_size=None, vanishes=False, notes=("A note.",),
)  # fmt: skip


def test_each_concept_has_a_row_with_and_without_the_adapter() -> None:
    tables = tables_of(FOUND)
    assert tables.concepts == (("rex", "0.600", "0.800", "0.900", "0.310", "0.300", "25 %", "50 %"),)
    assert len(tables.heads) == len(tables.concepts[0])
    single = replace(REX, real={"DINO": None}, copies=Copies(0.9, None), copies_before=Copies(0.9, None))
    assert tables_of(replace(FOUND, concepts=(single,))).concepts[0][3::3] == ("–", "–")


def test_only_what_bleeds_into_another_is_coloured() -> None:
    cells = tables_of(FOUND).cells
    assert [[cell.more for cell in row] for row in cells] == [[0.0, 0.5], [0.0, 0.0]]
    assert (cells[1][1].drawn, cells[1][1].real) == ("0.70", "–")


def test_the_lines_say_what_is_lost_and_what_drifts() -> None:
    assert tables_of(FOUND).lines == (
        "A note.",
        "2 concepts in one picture: 25 % of them are lost, 50 % without the adapter.",
        "Pictures without a concept are changed by 0.010; another seed changes them by 0.300.",
    )
