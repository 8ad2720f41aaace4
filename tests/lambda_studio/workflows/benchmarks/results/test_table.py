"""A finished table in its folder, hostile until checked."""

import json

import pytest

from lambda_studio.errors import InvalidSetting
from lambda_studio.workflows.benchmarks.results.results_folder import ResultsFolder
from lambda_studio.workflows.benchmarks.results.table import TABLE, KeptTable, read_table

SAID = {"format": 1, "date": "2026-11-28", "command": "studio evaluate", "real": {"DINO": 0.5}}


def test_a_table_is_read_and_there_may_be_none(tmp_path) -> None:
    assert read_table(ResultsFolder(tmp_path)) is None
    (tmp_path / TABLE).write_text(json.dumps(SAID))
    assert read_table(ResultsFolder(tmp_path)) == KeptTable("2026-11-28", "studio evaluate", {"DINO": 0.5})


@pytest.mark.parametrize(
    "said", [[], {}, {**SAID, "date": 1}, {**SAID, "real": [1]}, {**SAID, "real": {"DINO": "0.5"}}]
)
def test_a_damaged_table_is_named(tmp_path, said) -> None:
    (tmp_path / TABLE).write_text(json.dumps(said))
    with pytest.raises(InvalidSetting, match=r"table\.json is no table") as refused:
        read_table(ResultsFolder(tmp_path))
    assert refused.value.remedy.startswith("Delete it, and give the command of the evaluation again")


def test_a_newer_format_is_not_read(tmp_path) -> None:
    (tmp_path / TABLE).write_text(json.dumps({**SAID, "format": 99}))
    with pytest.raises(InvalidSetting, match="format 99"):
        read_table(ResultsFolder(tmp_path))
