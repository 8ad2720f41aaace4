"""The benchmark at full size measures every row, here on tiny networks of the same structure."""

import json
import runpy
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from benchmarks.measured import ROOT
from lambda_studio.errors import InvalidSetting

ON_GPU_ONLY = (" fp16, ", " by graphs, ")
"""The ways of rows that no CPU trains in."""
IN_8_BITS = "fine-tune, ours, full bf16, batch 4, adamw-8bit"
"""The row that needs bitsandbytes."""


def measured(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch, *options: str) -> dict[str, Any]:
    """Return the JSON file of a benchmark on tiny networks."""
    out, script = folder / "report.json", ROOT / "benchmarks" / f"{name}.py"
    monkeypatch.syspath_prepend(script.parent)
    monkeypatch.setattr(sys, "argv", [str(script), "--device", "cpu", "--tiny", "--out", str(out), *options])
    runpy.run_path(str(script), run_name="__main__")
    return json.loads(out.read_text(encoding="utf-8"))


@pytest.mark.slow  # every row of the benchmark
def test_every_row_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    report = measured("full_size", tmp_path, monkeypatch, "--seconds", "1000")
    rows, printed = report["rows"], capsys.readouterr().out
    assert report["shapes"] == "tiny" and "CPU" in report["device"]
    left_out = set() if find_spec("bitsandbytes") else {IN_8_BITS}
    left_out |= {name for name in rows if any(way in name for way in ON_GPU_ONLY)}
    assert IN_8_BITS in rows and {name for name, row in rows.items() if "failed" in row} == left_out
    assert all(InvalidSetting.__name__ in rows[name]["failed"] for name in left_out)
    assert all(row[f"{row['unit']}_per_second"]["median"] > 0 for row in rows.values() if "failed" not in row)
    assert [name for name in rows if name not in printed] == []
    for method in ("lora", "full"):
        row = rows[f"fine-tune, ours, {method} bf16, batch 32"]
        assert row["phases_ms"].keys() == {"batch and forward", "backward", "clip gradients", "AdamW"}
        assert row["tera_operations_per_step"] > 0 and row["share_of_peak"] > 0
    script = rows["fine-tune, public script, fp32, 1 x 4"]
    assert script["count"] == 4 and {"open", "MoVQ", "CLIP", "forward", "backward"} < script["phases_ms"].keys()
    assert rows["same pictures, fp32, 2"]["within_1_of_255"] > 0.99
    assert rows["same pictures, fp32, 2"]["deviation_of_pixels"] > 0.1, "the pictures are not blank"
    assert len(report["goals"]) == 4


def test_rows_are_chosen_by_name_and_left_out_when_the_time_is_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = measured("full_size", tmp_path, monkeypatch, "--rows", "add photographs", "--seconds", "0")
    assert len(report["rows"]) == 6
    assert all(row == {"left_out": "the time was over"} for row in report["rows"].values())
