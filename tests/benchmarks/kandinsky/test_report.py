"""A row that fails says why and stops no other row."""

import json
from argparse import Namespace
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest
import torch

from benchmarks.kandinsky import command, drawing, finetuning, photographs, prior, public_script
from benchmarks.kandinsky.goals import Goal
from benchmarks.kandinsky.meter import Bench, Measurement
from benchmarks.kandinsky.report import PEAK, Report, Row
from benchmarks.kandinsky.shapes import TINY
from benchmarks.kandinsky.weights import Models

BENCH = Bench(models=Models(TINY, torch.device("cpu")), tiny=True, seconds=0.0)


EVERY = [row for part in (drawing, finetuning, photographs, prior, public_script) for row in (*part.MAIN, *part.OTHERS)]


@pytest.fixture
def products() -> Iterator[None]:
    """Let a test set the precision of float32 products."""
    before = torch.get_float32_matmul_precision()
    yield
    torch.set_float32_matmul_precision(before)


def peak(bench: Bench) -> Measurement:
    """Return a device of 2 tera operations a second."""
    return Measurement(seconds=[1.0], count=1, unit="products", notes={"tera_operations_per_second": 2.0})


def works(bench: Bench) -> Measurement:
    """Return three repeats of half a tera operation on 4 pictures."""
    return Measurement(seconds=[2.0, 1.0, 4.0], count=4, operations=5e11, peak_bytes=3 * 2**29, phases={"forward": 1.5})


def fails(bench: Bench) -> Measurement:
    """Raise the error of a full device."""
    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20 GiB.\nmore lines")


def test_a_failed_row_is_reported_and_the_next_is_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = Report(BENCH, tmp_path / "report.json", seconds=100)
    report.run([Row(PEAK, peak), Row("large", fails), Row("small", works)])
    written = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert written["rows"]["large"]["failed"] == "OutOfMemoryError: CUDA out of memory. Tried to allocate 20 GiB."
    row = written["rows"]["small"]
    assert row["pictures_per_second"] == {"median": 2.0, "least": 1.0, "most": 4.0}
    assert (row["ms_per_step"], row["share_of_peak"], row["peak_gib"]) == (2000, 0.125, 1.5)
    assert row["phases_ms"] == {"forward": 1.5}
    printed = capsys.readouterr().out
    assert "failed: OutOfMemoryError" in printed and "2.00 pictures/s (1.00 to 4.00)" in printed and "12.5%" in printed


def test_the_file_is_whole_after_each_row(tmp_path: Path) -> None:
    out = tmp_path / "report.json"

    def reads(bench: Bench) -> Measurement:
        assert list(json.loads(out.read_text(encoding="utf-8"))["rows"]) == ["first"]
        return works(bench)

    Report(BENCH, out, seconds=100).run([Row("first", works), Row("second", reads)])
    rows = json.loads(out.read_text(encoding="utf-8"))["rows"]
    assert "failed" not in rows["second"] and len(rows) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["report.json"]


def test_goals_are_compared_where_their_rows_were_measured() -> None:
    report = Report(BENCH, None, seconds=100)
    report.run([Row("small", works)])
    report.compare(
        {
            "fast": Goal(lambda rows: rows["small"]["pictures_per_second"]["median"], 1.9),
            "short": Goal(lambda rows: rows["small"]["ms_per_step"], 15, lower_is_better=True),
            "large": Goal(lambda rows: rows["large"]["ms_per_step"], 15),
        }
    )
    assert report.goals == {
        "fast": {"value": 2.0, "wanted": 1.9, "reached": True},
        "short": {"value": 2000.0, "wanted": 15, "reached": False},
    }


def test_float32_products_are_studios_and_exact_where_a_row_says_so(
    products: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(command, "use_tensor_cores", lambda device: torch.set_float32_matmul_precision("high"))
    seen = []

    def sees(bench: Bench) -> Measurement:
        seen.append(torch.get_float32_matmul_precision())
        return works(bench)

    out = tmp_path / "report.json"
    asked = Namespace(tiny=True, row_seconds=0.0, device="cpu", out=out, seconds=100.0, rows="")
    report = command.run(asked, [Row("ours", sees), Row("exact", sees, exact=True), Row("ours too", sees)])
    assert seen == ["high", "highest", "high"]
    assert [report.rows[name]["fp32_products"] for name in ("ours", "exact", "ours too")] == seen
    assert json.loads(out.read_text(encoding="utf-8"))["fp32"].startswith("products high")


def test_rows_named_fp32_and_the_programs_of_others_are_exact() -> None:
    exact = {row.name for row in EVERY if row.exact}
    named = {row.name for row in EVERY if "fp32" in row.name}
    others = {row.name for row in EVERY if "public script" in row.name or "official flow" in row.name}
    assert len(named) > 8 and len(others) == 6
    assert exact == named | others


def test_the_file_names_the_versions_on_which_its_numbers_depend(tmp_path: Path) -> None:
    Report(BENCH, tmp_path / "report.json", seconds=100).write()
    written = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert written["torch"] == torch.__version__
    for name in ("diffusers", "peft", "accelerate", "transformers"):
        assert written[name] == version(name)
