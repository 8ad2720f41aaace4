"""A report that is merged, compared and never written by a comparison."""

import json
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest

from tests.reliability import __main__ as runner
from tests.reliability import figures
from tests.reliability.outcome import Outcome

ROW = Outcome(fault="a kill", tried=3, right=3, target=3, note="of three")


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Run the runner with two harnesses that answer `answers`, and count their runs."""
    answers, ran = {"kill": ROW, "rot": ROW}, []

    def harness(name: str):
        def run(*_: object) -> list[Outcome]:
            ran.append(name)
            return [answers[name]]

        return run

    monkeypatch.setattr(runner, "harnesses", lambda: {name: harness(name) for name in answers})
    monkeypatch.setattr(figures, "_commit", lambda: "abc1234")

    def called(*words: str) -> int:
        monkeypatch.setattr("sys.argv", ["reliability", *words, "--out", str(tmp_path / "page.md")])
        return runner.main()

    called.answers, called.ran, called.page = answers, ran, tmp_path / "page.md"
    return called


def test_a_table_is_merged_into_what_is_there_with_its_date_commit_and_machine(call) -> None:
    assert (call("kill"), call("rot"), call.ran) == (0, 0, ["kill", "rot"])
    page = call.page.read_text()
    found = figures.read(call.page)
    for name in ("kill", "rot"):
        assert f"`python -m tests.reliability {name} --share 1 --seed 0 --compare`" in page
        stamp = {key: found[name][key] for key in ("date", "commit", "machine")}
        assert stamp == figures.stamp() and stamp["commit"] == "abc1234"
    assert f"on {stamp['date']} at abc1234, on {stamp['machine']}." in page
    assert "**6 of 6 right.**" in page
    call.answers["rot"] = replace(ROW, right=2, wrong=("one was lost",))
    assert call("rot") == 1
    assert "**5 of 6 right.**" in call.page.read_text() and "- wrong: one was lost" in call.page.read_text()


def test_the_printed_command_runs_anew_says_what_is_different_and_writes_nothing(call, capsys) -> None:
    call()
    before = call.page.read_text(), call.page.with_suffix(".json").read_text()
    call.answers["kill"] = replace(ROW, tried=4, right=3)
    capsys.readouterr()
    assert call("kill", "--compare") == 1
    assert "not as in the report: a kill: 3 of 3 right before, 3 of 4 right now" in capsys.readouterr().err
    assert call.ran == ["kill", "rot", "kill"]
    assert (call.page.read_text(), call.page.with_suffix(".json").read_text()) == before
    assert call("rot", "--compare") == 0
    assert "not as in the report" not in capsys.readouterr().err


def test_rows_that_come_and_go_are_told() -> None:
    before = {"outcomes": [vars(ROW)]}
    after = {"outcomes": [vars(replace(ROW, fault="a flip"))]}
    assert list(figures.differences(before, after)) == ["a kill: no longer tried", "a flip: new, 3 of 3 right"]
    assert list(figures.differences(None, before)) == ["a kill: new, 3 of 3 right"]


@pytest.mark.parametrize("change", [{"commit": "fff0000"}, {"machine": "another"}, {"share": 0.5}, {"seed": 1}])
def test_only_what_ran_at_this_commit_on_this_machine_is_not_run_again(call, change) -> None:
    call()
    call("--resume")
    assert call.ran == ["kill", "rot"]
    done = figures.read(call.page)
    done["kill"] |= change
    figures.write(call.page, done)
    call("--resume")
    assert call.ran == ["kill", "rot", "kill"]


def test_the_committed_page_is_that_of_the_committed_figures() -> None:
    page = figures.ROOT / "docs" / "reliability.md"
    done, known = figures.read(page), runner.harnesses()
    assert page.read_text() == runner.report(done, [name for name in known if name not in done])
    assert all(found["date"] and found["commit"] and found["machine"] for found in done.values())
    assert json.loads(page.with_suffix(".json").read_text()).keys() == {"done"}


def test_this_machines_folders_are_not_in_the_report(call) -> None:
    seen = f"in {Path.home() / 'cache'}, {Path(tempfile.gettempdir()) / 'a'} and {Path(__file__)}"
    call.answers["rot"] = replace(ROW, right=2, wrong=(seen,))
    call("rot")
    page = call.page.read_text()
    assert "in ~/cache, TMP/a and CHECKOUT/tests/reliability/test_figures.py" in page
    assert str(Path.home()) not in page.partition("## rot")[2]
