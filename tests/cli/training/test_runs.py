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


def test_a_finished_run_is_dropped_after_its_adapter(studio, tuned) -> None:
    answer = studio("runs", "drop", 1, "-y")
    assert (answer.code, answer.err) == (
        2,
        "Error: Run 1 is finished, and is part of the history of adapter 1.\n"
        "  → Remove the adapter first: studio adapters remove 1\n",
    )
    assert studio("adapters", "remove", 1, "-y").code == 0
    assert studio("runs").out.splitlines()[1].split()[1:7] == ["finished", "rex", "1", "step,", "adapter", "removed"]
    unasked = studio("runs", "drop", 1)
    assert (unasked.code, "Run 1 (rex), 1 step, adapter removed, is deleted for good." in unasked.err) == (2, True)
    assert studio("runs", "drop", 1, "-y").out == "Dropped run 1.\n"


def test_a_removed_and_a_forgotten_concept_of_a_run_are_told(studio, tuned) -> None:
    studio("concepts", "remove", "rex", "-y")
    assert "\n  rex, version 1 (removed)\n" in studio("runs", "show", 1).out
    assert json.loads(studio("runs", "--json").out)[0]["removed"] == ["rex"]
    studio("concepts", "forget", "rex", "-y")
    assert "\n  rex, version 1 (forgotten)\n" in studio("runs", "show", 1).out
    assert json.loads(studio("runs", "--json").out)[0]["forgotten"] == ["rex"]


def test_a_run_that_a_newer_one_hides_from_resume_says_so(studio, stopped_after_two, monkeypatch) -> None:
    import lambda_studio.workflows.tuning.run as tuning

    def unplugged(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as failing:
        failing.setattr(tuning, "finetune", unplugged)
        assert studio(*TUNE).code != 0
    told = "Run 2 of the same concepts is newer, and --resume goes on with that. "
    assert studio("runs", "show", 1).out.endswith(f"{told}Finish or drop it first: studio runs drop 2\n")
    studio("library", "create", "toys")
    resumed = "Resume it: studio --library default finetune rex --resume\n"
    assert studio("runs", "show", 2, "--library", "toys").out.endswith(resumed)
    assert studio("runs", "show", 2).out.endswith("Resume it: studio finetune rex --resume\n")
    assert "0 of 4 steps saved" in studio("runs", "show", 2).out
    assert studio("runs", "drop", 2, "-y").code == 0
    assert studio("runs", "show", 1).out.endswith("Resume it: studio finetune rex --resume\n")
