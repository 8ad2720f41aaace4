"""Bars that know when nobody watches."""

from cli.progress import bars, rich_bar
from lambda_studio.progress import silent


def test_nobody_watching_means_silence(monkeypatch, capsys) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: False)
    assert bars() is silent
    with bars()("Drawing", total=2) as advance:
        advance()
        advance(note="x")
    assert capsys.readouterr() == ("", "")


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
