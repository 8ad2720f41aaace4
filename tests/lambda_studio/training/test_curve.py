"""The loss log and its picture."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from lambda_studio.training.curve import LossLog, draw_losses, smooth, ticks


def test_the_log_has_one_json_line_a_step(tmp_path: Path) -> None:
    log = LossLog(tmp_path / "loss.jsonl")
    log.append(0.5)
    log.append(1 / 3)
    lines = (tmp_path / "loss.jsonl").read_text().splitlines()
    log.close()
    assert [json.loads(line) for line in lines] == [{"step": 1, "loss": 0.5}, {"step": 2, "loss": 1 / 3}]


def test_a_log_that_goes_on_has_the_bytes_of_one_that_never_stopped(tmp_path: Path) -> None:
    whole = LossLog(tmp_path / "whole.jsonl")
    for loss in (0.3, 0.1 + 0.2, 1e-17):
        whole.append(loss)
    whole.close()
    (tmp_path / "resumed.jsonl").write_text('{"step": 1, "loss": 0.3}\n{"step": 2, "loss": 9}\n{"st')
    resumed = LossLog(tmp_path / "resumed.jsonl", [0.3])
    resumed.append(0.1 + 0.2)
    resumed.append(1e-17)
    resumed.close()
    assert (tmp_path / "resumed.jsonl").read_bytes() == (tmp_path / "whole.jsonl").read_bytes()


def test_a_closed_log_is_durable(tmp_path: Path, monkeypatch) -> None:
    log, synced = LossLog(tmp_path / "loss.jsonl"), []
    log.append(0.5)
    monkeypatch.setattr("os.fsync", lambda number: synced.append(os.fstat(number).st_ino))
    log.close()
    assert synced == [(tmp_path / "loss.jsonl").stat().st_ino]


def test_a_process_that_does_not_write_keeps_the_losses(tmp_path: Path) -> None:
    log = LossLog(tmp_path / "loss.jsonl", [0.3], write=False)
    log.append(0.2)
    log.close()
    assert log.losses == [0.3, 0.2]
    assert list(tmp_path.iterdir()) == []


def test_several_losses_are_written_at_every_so_many_steps_and_go_on_alike(tmp_path: Path) -> None:
    def log(name: str, after: int = 0, **kept: Any) -> LossLog:
        log = LossLog(tmp_path / name / "loss.jsonl", every=2, **kept)
        for step in range(after, 5):
            log.append(step / 2, {"psnr": 1 / (step + 1)})
        log.close()
        return log

    for name in ("whole", "resumed"):
        (tmp_path / name).mkdir()
    whole = log("whole")
    rows = [json.loads(line) for line in whole.path.read_text().splitlines()]
    assert rows == [{"step": 2, "loss": 0.5, "psnr": 0.5}, {"step": 4, "loss": 1.5, "psnr": 0.25}]
    resumed = log("resumed", after=3, losses=[0.0, 0.5, 1.0], others={"psnr": [0.5]})
    assert resumed.path.read_bytes() == whole.path.read_bytes()
    assert resumed.state() == whole.state() == {"losses": [0.0, 0.5, 1.0, 1.5, 2.0], "others": {"psnr": [0.5, 0.25]}}
    whole.draw(tmp_path / "loss.png")
    with Image.open(tmp_path / "loss.png") as image:
        assert image.size == (960, 2 * 480), "a panel for each"


def test_nothing_is_drawn_where_nothing_is_written(tmp_path: Path) -> None:
    log = LossLog(tmp_path / "loss.jsonl", [0.3], write=False, every=20)
    log.draw(tmp_path / "loss.png")
    assert list(tmp_path.iterdir()) == []


def test_smoothing_keeps_a_constant_and_has_no_warm_up() -> None:
    assert smooth([2.0] * 5, 10) == pytest.approx([2.0] * 5)
    assert smooth([4.0, 0.0], 2)[0] == 4.0
    assert smooth([4.0, 0.0], 2)[1] == pytest.approx(4 / 3)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.0, 1.0, [0, 0.2, 0.4, 0.6, 0.8, 1]),
        (0.0, 0.034, [0, 0.01, 0.02, 0.03]),
        (0.0, 7.0, [0, 2, 4, 6]),
        (1.0, 400.0, [100, 200, 300, 400]),
    ],
)
def test_ticks_are_round_numbers_inside_the_axis(low: float, high: float, expected: list[float]) -> None:
    assert ticks(low, high) == pytest.approx(expected)


@pytest.mark.parametrize("losses", [[0.7], [0.0, 0.0], [1.0, 0.5], [1 / (1 + step) for step in range(500)], [1e9] * 3])
def test_any_run_can_be_drawn(tmp_path: Path, losses: list[float]) -> None:
    draw_losses(losses, tmp_path / "loss.png")
    with Image.open(tmp_path / "loss.png") as image:
        colours = {colour for _, colour in image.convert("RGB").getcolors(1 << 20) or []}
    assert (31, 95, 159) in colours  # the smoothed line
    assert [path.name for path in tmp_path.iterdir()] == ["loss.png"]


def test_the_line_falls_where_the_loss_falls(tmp_path: Path) -> None:
    draw_losses([1.0 - step / 100 for step in range(100)], tmp_path / "loss.png")
    with Image.open(tmp_path / "loss.png") as image:
        rows = {
            x: [y for y in range(44, 420) if image.getpixel((x, y)) == (31, 95, 159)] for x in (100, 300, 500, 700, 900)
        }
    heights = [sum(ys) / len(ys) for ys in rows.values()]
    assert heights == sorted(heights)
    assert heights[-1] - heights[0] > 200
