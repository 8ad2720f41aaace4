"""The prior's rate stands beside the paper's."""

from pathlib import Path

import pytest

from tests.benchmarks.test_full_size import measured


def test_the_rate_of_training_stands_beside_the_papers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = measured("prior_rate", tmp_path, monkeypatch)["rows"]
    row = rows["prior, Eq. 1, bf16, batch 512"]
    rate = row["samples_per_second"]["median"]
    assert row["steps_per_second"] == pytest.approx(rate / row["count"], rel=0.01)
    assert row["gpu_hours_for_the_papers_samples"] == pytest.approx(102_400_000 / rate / 3600, rel=0.01)
    assert row["the_papers_samples_per_second_and_gpu"] == 384.4
    assert "in 74 on its A100" in capsys.readouterr().out
