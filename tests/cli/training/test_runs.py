"""`studio runs`, as a person uses it."""

import json

from concepts.durable import held
from tests.cli.conftest import TUNE


def test_runs_are_listed_and_shown_with_what_they_lack(studio, stopped_after_two) -> None:
    headers, row = studio("runs").out.splitlines()
    assert headers.split() == ["ID", "STATE", "CONCEPTS", "PROGRESS", "STARTED"]
    assert row.split()[:8] == ["1", "unfinished", "rex", "2", "of", "4", "steps", "saved"]
    told = studio("runs", "show", 1).out
    assert "\n  rex, version 1\n" in told and told.endswith("Resume it: studio finetune rex --resume\n")
    assert studio("finetune", "--resume").code == 0
    assert studio("runs").out.splitlines()[1].split()[1:7] == ["finished", "rex", "4", "steps,", "adapter", "1"]
    answer = studio("runs", "drop", 1, "--yes")
    assert (answer.code, "Run 1 is finished" in answer.err) == (2, True)


def test_dropping_an_unfinished_run_leaves_nothing_of_it(studio, stopped_after_two, tmp_path) -> None:
    folder = tmp_path / "home" / "runs"
    assert studio("runs", "drop", 1).code == 2  # nobody to ask
    assert (folder / "1").exists()
    assert studio("runs", "drop", 1, "-y").out == "Dropped run 1.\n"
    assert list(folder.iterdir()) == []
    assert json.loads(studio("runs", "--json").out) == []
    assert studio("finetune", "--resume").code == 2
    assert studio(*TUNE).code == 0


def test_a_run_that_another_process_works_on_is_not_dropped(studio, stopped_after_two, tmp_path) -> None:
    with held(tmp_path / "home" / "runs" / "1.lock") as mine:
        assert mine
        assert json.loads(studio("runs", "show", 1, "--json").out)["state"] == "running"
        answer = studio("runs", "drop", 1, "--yes")
    assert "Another process is working on run 1." in answer.err
    assert json.loads(studio("runs", "show", 1, "--json").out)["state"] == "unfinished"


def test_without_runs_it_says_how_to_start_one(studio) -> None:
    assert studio("runs").out == "No runs yet. Start one: studio finetune NAME..., or studio finetune --all\n"
    answer = studio("runs", "show", 7)
    assert (answer.code, answer.err.splitlines()[0]) == (3, "Error: No run has the number 7.")
