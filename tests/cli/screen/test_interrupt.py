"""The first Ctrl-C or SIGTERM asks for an orderly end, the second ends at once."""

import signal

import click
import pytest

from cli.screen.interrupt import Interrupt, stopped_with
from lambda_studio import Studio
from lambda_studio.errors import Cancelled
from lambda_studio.workflows.cache import training_set


def test_the_second_signal_stops_at_once_and_handlers_come_back(capsys) -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    interrupted = Interrupt()
    with pytest.raises(KeyboardInterrupt), interrupted:
        assert not interrupted()
        signal.raise_signal(signal.SIGINT)
        assert interrupted()
        signal.raise_signal(signal.SIGINT)
    assert interrupted.exit_code == 130
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before
    assert capsys.readouterr().err == "Stopping after this step. Press Ctrl-C again to stop at once.\n"


def test_a_second_sigterm_is_143() -> None:
    with pytest.raises(SystemExit) as ended, Interrupt():
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGTERM)
    assert ended.value.code == 143


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_before_the_first_step_ends_with_its_code_and_starts_no_run(
    studio, photos, monkeypatch, number: int, code: int
) -> None:
    studio("add-concept", "rex", *photos, "--noun", "dog")
    pictures = training_set.ExampleTable._cut

    def interrupted(table, *rows):
        signal.raise_signal(number)
        return pictures(table, *rows)

    with monkeypatch.context() as patched:
        patched.setattr(training_set.ExampleTable, "_cut", interrupted)
        stopped = studio("finetune", "rex", "--steps", 1, "--rank", 2)
    assert (stopped.code, stopped.err.splitlines()[-1]) == (code, "Stopped.")
    assert "has no unfinished run" in studio("finetune", "--resume").err


def test_python_is_told_with_an_error_of_its_own(tmp_path, photos, stack_file) -> None:
    with Studio(tmp_path / "home", stack=str(stack_file)) as opened:
        opened.concepts.add("rex", photos, noun="dog", segment="none")
        with pytest.raises(Cancelled, match="Stopped before the first step"):
            opened.finetune(["rex"], should_stop=lambda: True)


def test_ctrl_c_in_work_is_told_with_what_is_kept_and_other_errors_are_not(capsys) -> None:
    with pytest.raises(click.exceptions.Exit) as ended, stopped_with(lambda: ["Kept.", "Go on."]):
        raise KeyboardInterrupt
    assert (ended.value.exit_code, capsys.readouterr().err) == (130, "Kept.\nGo on.\n")
    with pytest.raises(ValueError, match="wrong"), stopped_with(lambda: ["Kept."]):
        raise ValueError("wrong")
    assert capsys.readouterr().err == ""
