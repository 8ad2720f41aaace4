"""The first Ctrl-C or SIGTERM asks for an orderly end, the second ends at once."""

import signal

import pytest

from cli.interrupt import Interrupt


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
