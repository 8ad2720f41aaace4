"""`studio evaluate dreambench`."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from lambda_studio.workflows.benchmarks.scoring import Scorer
from tests.dreambench import write_dreambench

ROOT = Path(__file__).parents[3]
FAST = ("--segment", "none", "--steps", 1, "--pictures", 1, "--dino", "none")


@pytest.fixture
def dataset(tmp_path):
    """DreamBooth's folder at a hundredth of its size."""
    return write_dreambench(tmp_path / "dataset")


def test_a_table_with_its_protocol(studio, dataset, tmp_path) -> None:
    answer = studio("evaluate", "dreambench", "dataset", "--subjects", "dog, vase", "--prompts", "1-2", *FAST)
    assert answer.code == 0, answer.err
    lines = answer.out.splitlines()
    assert lines[0] == "dreambench, drawn by tiny with no adapter, from all photographs of a subject, 1 step, seed 0"
    assert "  references: all photographs of the subject, whole" in lines
    assert lines[7].split() == ["SUBJECT", "NOUN", "PHOTOS", "clip-i", "clip-t", "REAL", "clip-i"]
    assert lines[8].split()[:3] == ["dog", "dog", "3"] and lines[10].split()[0] == "all"
    assert "It has 2 of 4 subjects. Without: cat2, mug." in lines
    assert lines[-1] == "4 pictures of 4 prompts, each with its scores: evaluations/dreambench"
    assert json.loads(studio("concepts", "--json").out) == []


def test_json_and_pictures_of_another_program(studio, dataset) -> None:
    assert studio("evaluate", "dreambench", "dataset", "--prompts", "2", "--out", "drawn", *FAST).code == 0
    call = ("evaluate", "dreambench", "dataset", "--score-only", "drawn/pictures", "--out", "taken", "--json", *FAST)
    said = json.loads(studio(*call, "--prompts", "2").out)
    assert said["format"] == 1 and said["overall"]["clip-i"]["count"] == 3
    answer = studio(*call, "--out", "more")
    assert answer.code == 2 and "does not have 1 picture of each prompt: dog/01 has 0" in answer.err


def test_after_ctrl_c_the_same_command_goes_on(studio, dataset, monkeypatch) -> None:
    def stopped(*given: object) -> None:
        raise KeyboardInterrupt

    call = ("evaluate", "dreambench", "dataset", "--out", "out", "--prompts", "1", *FAST)
    with monkeypatch.context() as patched:
        patched.setattr(Scorer, "_add", stopped)
        answer = studio(*call)
    assert answer.code == 130
    assert "out keeps the pictures and scores that were made. Give the same command again to go on." in answer.err
    assert studio(*call).code == 0


def test_a_wrong_folder_and_a_used_one_are_refused(studio, dataset, tmp_path) -> None:
    answer = studio("evaluate", "dreambench", "nothing", *FAST)
    assert answer.code == 2 and "git clone https://github.com/google/dreambooth" in answer.err
    answer = studio("evaluate", "dreambench", "dataset", "--out", "dataset", *FAST)
    assert answer.code == 2 and "has other files.\n  → Give a new folder with --out." in answer.err
    answer = studio("evaluate", "dreambench", "dataset", "--prompts", "0", *FAST)
    assert answer.code == 2 and "--prompts has '0'" in answer.err


def test_a_given_folder_without_weights_is_refused_before_anything_is_drawn(studio, dataset, tmp_path) -> None:
    (tmp_path / "empty").mkdir()
    for place in ("nofolder", "./empty", "no/folder"):
        call = ("evaluate", "dreambench", "dataset", "--segment", "none", "--steps", 1, "--weights")
        answer = studio(*call, f"dino-vits16={place}")
        assert answer.code == 6 and "The files of dino-vits16 are not in" in answer.err and place in answer.err
    assert "which is no folder here: write ./no/folder for one" in answer.err
    assert not (tmp_path / "evaluations").exists()
    wrong = studio(*call, "foo")
    assert wrong.code == 2 and "Error: --weights is 'foo'." in wrong.err


def test_a_damaged_picture_is_named_and_drawn_again_once_deleted(studio, dataset, tmp_path) -> None:
    call = ("evaluate", "dreambench", "dataset", "--out", "out", "--prompts", "1", *FAST)
    assert studio(*call).code == 0
    (tmp_path / "out/scores.jsonl").unlink()
    damaged = tmp_path / "out/pictures/dog/01/1.png"
    damaged.write_bytes(b"no PNG")
    answer = studio(*call)
    assert answer.code == 5 and "out/pictures/dog/01/1.png is a damaged picture." in answer.err
    assert "Delete it, and give the same command again" in answer.err and "doctor" not in answer.err
    damaged.unlink()
    assert studio(*call).code == 0


def test_two_processes_share_it_out_and_one_answers(studio, dataset, stack_file, tmp_path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    shared = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "PYTHONPATH": str(ROOT)}
    words = ["evaluate", "dreambench", "dataset", "--out", "out", "--json", "--prompts", "1", *map(str, FAST)]
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "cli", *words],
            env={**os.environ, **shared, "RANK": str(rank), "LOCAL_RANK": str(rank)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    try:
        answers = [process.communicate(timeout=240) for process in processes]
        assert [process.returncode for process in processes] == [0, 0], answers
    finally:
        for process in processes:
            process.kill()
    assert json.loads(answers[0][0])["pictures"] == 3 and answers[1][0] == ""
    rows = {path.name: path.read_text().count("\n") for path in (tmp_path / "out").glob("scores*.jsonl")}
    assert rows == {"scores.jsonl": 1, "scores.1.jsonl": 2}
