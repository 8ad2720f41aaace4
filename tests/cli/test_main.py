"""The one place where an error becomes words and an exit code."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cli.main import run


def test_debug_shows_the_traceback_before_the_error(studio) -> None:
    answer = studio("concepts", "show", "nix", "--debug")
    assert answer.code == 3
    assert answer.err.startswith("Traceback")
    assert answer.err.endswith("→ Add it with: studio add-concept NAME IMAGE --noun NOUN\n")


@pytest.mark.parametrize("command", [(), ("db",), ("miniature",)])
def test_a_command_that_needs_another_prints_its_help_and_ends_well(studio, command) -> None:
    asked = studio(*command)
    assert (asked.code, asked.err) == (0, "")
    assert asked.out == studio(*command, "--help").out
    assert asked.out.startswith("Usage: studio")


@pytest.mark.parametrize(
    ("words", "code", "cause"),
    [
        (("--json", "concepts", "show", "nix"), 3, "No concept named 'nix' in library 'default'. It has: nothing yet."),
        (("generate", "a <nix>", "--json"), 5, "The prompt names <nix>, which the library does not have."),
        (("generate", "--json"), 2, "Give one of: a prompt, a file of prompts (--file), a picture (--from)."),
        (("finetune", "--rank", "x", "--json"), 2, "Invalid value for '--rank': 'x' is not a valid integer."),
        (("finetune", "rex", "--rank", "0", "--json"), 2, "--rank is 0."),
        (
            ("finetune", "rex", "--variants", "4", "--conditions", "prior", "--json"),
            2,
            "--variants is 4, and --conditions prior learns no picture from its own embedding.",
        ),
        (
            ("finetune", "rex", "--device", "cuda:99", "--json"),
            2,
            "--device is cuda:99, which PyTorch does not find on this machine.",
        ),
    ],
)
def test_with_json_an_error_is_json_on_stdout_and_text_on_stderr(studio, words, code, cause) -> None:
    answer = studio(*words)
    told = json.loads(answer.out)
    assert (answer.code, told["error"]["exit_code"], told["error"]["cause"], told["format"]) == (code, code, cause, 1)
    assert answer.err == f"Error: {cause}\n  → {told['error']['remedy']}\n"


def test_an_error_with_json_into_a_pipe_that_nobody_reads_keeps_its_exit_code(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "cli", "concepts", "show", "nix", "--json"]
    home = {**os.environ, "STUDIO_HOME": str(tmp_path)}
    with subprocess.Popen(command, env=home, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        process.stdout.close()
        err = process.stderr.read()
        assert (process.wait(), err.splitlines()[0]) == (
            3,
            "Error: No concept named 'nix' in library 'default'. It has: nothing yet.",
        )


@pytest.mark.parametrize("spelled", ["--learning_rate", "--learning-rate"])
def test_options_may_be_spelled_as_other_trainers_do(studio, spelled) -> None:
    assert studio("finetune", "rex", spelled, 7).err.startswith("Error: --learning-rate is 7.0.")


@pytest.mark.parametrize("words", [(), ("--help",), ("concepts", "list")])
def test_an_answer_into_a_pipe_that_nobody_reads_is_code_141_without_a_word(words, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "cli", *words]
    home = {**os.environ, "STUDIO_HOME": str(tmp_path)}
    with subprocess.Popen(command, env=home, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        assert (process.stderr.read(), process.wait()) == (b"", 141)


def test_a_fault_of_ours_is_one_line_and_code_1(studio, monkeypatch) -> None:
    def broken(*_, **__) -> None:
        raise RuntimeError("first line\nsecond line")

    monkeypatch.setattr("lambda_studio.workflows.subjects.concepts.Concepts.page", broken)
    answer = studio("concepts")
    assert answer.code == 1
    assert answer.err == (
        "Error: Internal error: RuntimeError: first line\n"
        "  → This is a bug of λ-Studio. Run the command again with --debug and report the output.\n"
    )


def test_a_folder_that_cannot_be_written_is_code_7(studio, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    answer = studio("concepts", "--home", tmp_path / "file" / "home")
    assert answer.code == 7
    assert str(tmp_path / "file") in answer.err


def test_ctrl_c_is_code_130(studio, monkeypatch) -> None:
    def interrupted(*_, **__) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("lambda_studio.workflows.subjects.concepts.Concepts.page", interrupted)
    answer = studio("concepts")
    assert (answer.code, answer.err) == (130, "\nStopped.\n")


def test_the_version_is_the_installed_one(capsys, monkeypatch) -> None:
    monkeypatch.setattr("importlib.metadata.version", lambda name: f"0.9 of {name}")
    assert run(["--version"]) == 0
    assert capsys.readouterr().out == "lambda-studio 0.9 of lambda-studio\n"


def test_a_setting_with_its_value_is_told_as_its_option(studio, photos) -> None:
    """The library says `noun=dog`, as Python people write it."""
    answer = studio("add-concept", "rex", *photos)
    assert answer.err.endswith("for example: --noun dog\n")


@pytest.mark.parametrize("asked", ["nonsense", "bash_nonsense", "bash_complete", "zsh_complete", "fish_complete"])
def test_a_completion_that_cannot_be_given_is_code_2(studio, monkeypatch, asked: str) -> None:
    monkeypatch.setenv("_STUDIO_COMPLETE", asked)
    monkeypatch.setenv("COMP_CWORD", "zz")
    failed = studio("concepts")
    assert (failed.code, f"_STUDIO_COMPLETE is {asked}" in failed.err) == (2, True)


def test_a_shell_completes_a_command(monkeypatch, capsys) -> None:
    for name, value in {"_STUDIO_COMPLETE": "bash_complete", "COMP_WORDS": "studio gen", "COMP_CWORD": "1"}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as ended:
        run([])
    assert (ended.value.code, capsys.readouterr().out) == (0, "plain,generate\n")
