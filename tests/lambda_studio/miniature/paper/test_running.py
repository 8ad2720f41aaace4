"""Claims over seeds: resumed, and measured again after a change."""

import dataclasses
import json
from datetime import datetime

import pytest

from lambda_studio.errors import InvalidSetting
from lambda_studio.miniature.paper import running
from lambda_studio.miniature.paper.claim import Claim, Expected
from lambda_studio.miniature.paper.running import run_claims


@pytest.fixture
def measured(monkeypatch):
    seen = []

    def measure(job):
        seen.append((job.seed, job.pictures))
        job.folder.mkdir(exist_ok=True)
        return {"a": {"x": 0.1 * job.seed}, "b": {"x": 0.5}}

    claim = Claim(
        key="table-0", title="A & B", says="b is greater", here="the same", ways=("a", "b"), columns={"x": "a number"},
        expected=(Expected("b", "a", "x"),), measure=measure,
    )  # fmt: skip
    monkeypatch.setattr(running, "CLAIMS", (claim,))
    return seen


def test_pages_are_written_and_seeds_are_not_measured_twice(measured, tmp_path) -> None:
    (found,) = run_claims([], tmp_path / "out", seeds=2, pictures=5)
    assert (found.verdict, measured) == ("agrees", [(1, 5), (2, 5)])
    page = found.text.read_text()
    assert "**It agrees with the paper.**" in page and "| a | 0.150 ± 0.071 |" in page
    assert "studio evaluate paper table-0 --seeds 2 --pictures 5" in page
    assert "A &amp; B" in found.chart.read_text()
    assert json.loads(found.values.read_text())["values"]["2"]["a"]["x"] == pytest.approx(0.2)
    run_claims(["table-0"], tmp_path / "out", seeds=3, pictures=5)
    assert measured[2:] == [(3, 5)]


def test_a_page_keeps_the_days_of_its_measurements(measured, tmp_path, monkeypatch) -> None:
    class Later(datetime):
        @classmethod
        def now(cls, tz=None) -> "datetime":
            return datetime(2027, 1, 2, tzinfo=tz)

    run_claims([], tmp_path, seeds=1, pictures=5)
    (first,) = run_claims([], tmp_path, seeds=1, pictures=5)
    monkeypatch.setattr(running, "datetime", Later)
    (again,) = run_claims([], tmp_path, seeds=1, pictures=5)
    assert again.measured == first.measured and f", {first.measured[0]}:" in again.text.read_text()
    (more,) = run_claims([], tmp_path, seeds=2, pictures=5)
    assert more.measured == (*first.measured, "2027-01-02")
    assert f", {first.measured[0]} to 2027-01-02:" in more.text.read_text()
    said = json.loads(more.values.read_text())
    assert said["measured"] == list(more.measured) and said["weights"] == running.weights() == more.weights
    assert said["command"] == more.command == "studio evaluate paper table-0 --seeds 2 --pictures 5"


def test_what_was_measured_in_another_way_is_refused(measured, tmp_path, monkeypatch) -> None:
    run_claims([], tmp_path, seeds=1, pictures=5)
    other = dataclasses.replace(running.CLAIMS[0], here="in more steps")
    monkeypatch.setattr(running, "CLAIMS", (other,))
    with pytest.raises(InvalidSetting, match="table-0 was measured in another way"):
        run_claims([], tmp_path, seeds=1, pictures=5)
    monkeypatch.undo()
    path = tmp_path / "table-0-seed-1.json"
    said = json.loads(path.read_text())
    path.write_text(json.dumps({name: value for name, value in said.items() if name != "way"}))
    monkeypatch.setattr(running, "CLAIMS", (dataclasses.replace(other, here="the same"),))
    with pytest.raises(InvalidSetting, match="by an earlier λ-Studio"):
        run_claims([], tmp_path, seeds=1, pictures=5)


def test_a_folder_that_was_left_while_its_first_seed_trained_is_gone_on_with(measured, tmp_path) -> None:
    (tmp_path / running.TRAINED).mkdir()
    run_claims([], tmp_path, seeds=1, pictures=5)
    assert measured == [(1, 5)]


def test_a_count_is_counted_once(measured, tmp_path, monkeypatch) -> None:
    counted = dataclasses.replace(running.CLAIMS[0], counted=True)
    monkeypatch.setattr(running, "CLAIMS", (counted,))
    (found,) = run_claims([], tmp_path, seeds=3, pictures=5)
    assert (measured, found.verdict, found.counted) == ([(1, 5)], "agrees", True)
    assert found.table == {"a": {"x": "0.1"}, "b": {"x": "0.5"}}


def test_measurements_of_another_size_or_other_weights_are_never_replaced(measured, tmp_path, monkeypatch) -> None:
    run_claims([], tmp_path, seeds=1, pictures=5)
    page = (tmp_path / "table-0.md").read_text()
    with pytest.raises(InvalidSetting, match="has measurements with 5 pictures, and now it is 6"):
        run_claims([], tmp_path, seeds=1, pictures=6)
    monkeypatch.setattr(running, "weights", lambda: "others")
    with pytest.raises(InvalidSetting, match="of other weights of the miniature"):
        run_claims([], tmp_path, seeds=1, pictures=5)
    assert measured == [(1, 5)] and (tmp_path / "table-0.md").read_text() == page


@pytest.mark.parametrize("name", ["evaluation.json", "notes.txt"])
def test_a_folder_of_something_else_is_refused(measured, tmp_path, name) -> None:
    (tmp_path / name).write_text("{}")
    with pytest.raises(InvalidSetting, match="has other files"):
        run_claims([], tmp_path, seeds=1, pictures=5)
    assert measured == []


def test_wrong_input_is_refused(measured, tmp_path) -> None:
    with pytest.raises(InvalidSetting, match="There is no claim table-9"):
        run_claims(["table-9"], tmp_path)
    with pytest.raises(InvalidSetting, match="seeds is 0"):
        run_claims([], tmp_path, seeds=0)
    with pytest.raises(InvalidSetting, match="pictures is 1"):
        run_claims([], tmp_path, pictures=1)
    (tmp_path / "table-0-seed-1.json").write_text("[")
    with pytest.raises(InvalidSetting, match=r"table-0-seed-1\.json is no measurement"):
        run_claims([], tmp_path)
    assert measured == []


def test_the_weights_have_a_fingerprint() -> None:
    assert len(running.weights()) == 64
