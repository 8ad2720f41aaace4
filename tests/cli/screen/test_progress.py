"""Bars on a terminal, and elsewhere a line now and then."""

import pytest

from cli.screen import progress
from cli.screen.progress import Lines, bars, rich_bar


@pytest.fixture
def clock(monkeypatch) -> list[float]:
    """The time, which moves only when the test moves it."""
    now = [1000.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def test_without_a_terminal_short_work_prints_nothing(monkeypatch, capsys, clock) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: False)
    lines = bars()
    assert isinstance(lines, Lines)
    with lines("Drawing", total=2) as advance:
        clock[0] += progress.LINE_SECONDS - 1
        advance()
        advance(note="x")
    assert capsys.readouterr() == ("", "")


def test_without_a_terminal_long_work_prints_a_line_now_and_then_over_all_of_its_parts(capsys, clock) -> None:
    lines = Lines()
    for part in range(4):
        with lines(f"Part {part}\x1b", total=4000) as advance:
            advance(1500)
            clock[0] += progress.LINE_SECONDS / 2
            advance(500, note="loss 0.1")
    assert capsys.readouterr() == (
        "",
        "Part 1\\x1b: 2,000 of 4,000, loss 0.1\nPart 3\\x1b: 2,000 of 4,000, loss 0.1\n",
    )


def test_a_bar_is_drawn_on_stderr_with_its_note(monkeypatch, capsys) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    assert bars() is rich_bar
    with bars()("Drawing", total=2) as advance:
        advance(2, note="loss 0.1")
    out, err = capsys.readouterr()
    assert out == ""
    assert "Drawing" in err
    assert "2/2" in err
    assert "loss 0.1" in err
