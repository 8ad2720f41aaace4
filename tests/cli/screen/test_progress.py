"""Bars on a terminal, and elsewhere a line now and then."""

import re

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
        "Part 1\\x1b: 2,000 of 4,000, loss 0.1, about 1 min 0 s left\n"
        "Part 3\\x1b: 2,000 of 4,000, loss 0.1, about 1 min 0 s left\n",
    )


def test_the_time_left_counts_from_the_first_report_because_a_resumed_training_begins_with_it(capsys, clock) -> None:
    with Lines()("Fine-tuning", total=400) as advance:
        clock[0] += progress.LINE_SECONDS
        advance(301)
        clock[0] += progress.LINE_SECONDS
        advance(9)
        clock[0] += progress.LINE_SECONDS
        advance(90)
    lines = ["301 of 400", "310 of 400, about 5 min 0 s left", "400 of 400"]
    assert capsys.readouterr().err == "".join(f"Fine-tuning: {said}\n" for said in lines)


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


def test_a_narrow_terminal_cuts_the_texts_and_never_the_numbers(monkeypatch, capsys) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "60")
    with bars()("Fine-tuning (lora)", total=2000) as advance:
        advance(1200, note="loss 0.1234, 2.3 steps/s, CLIP-I 0.812")
    drawn = re.sub(r"\x1b\[[\d;?]*[a-zA-Z]", "", capsys.readouterr().err)
    assert "1200/2000 -:--:-- loss 0.1234, 2.3 steps/s" in drawn
