"""What Ctrl-C raises in a command, and what an import makes of it."""

import signal

import pytest

from cli.main import interruptible
from cli.screen import ctrl_c


@pytest.fixture(autouse=True)
def as_before(monkeypatch: pytest.MonkeyPatch):
    """Let Ctrl-C do what it did before, and forget that it came."""
    before = signal.getsignal(signal.SIGINT)
    monkeypatch.setattr(ctrl_c, "received", [])
    yield
    signal.signal(signal.SIGINT, before)


def test_whatever_an_import_that_was_broken_off_raises_is_a_stop(monkeypatch, capsys) -> None:
    def broken(*_: object, **__: object) -> None:
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt as error:
            raise ImportError("numpy's C extensions failed") from error

    monkeypatch.setattr("cli.main.studio.main", broken)
    assert interruptible(["concepts"]) == 130
    assert capsys.readouterr().err == "Stopped.\n"
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def test_an_ignored_signal_stays_ignored() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    ctrl_c.handle(ctrl_c.stop_at_once)
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
