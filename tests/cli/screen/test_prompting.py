"""Lines that are typed, with names completed."""

import sys

import pytest

from cli.screen.prompting import complete_names, completions, typed

NAMES = ["rex", "Red hat", "mug"]


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("a <", ["rex>", "Red hat>", "mug>"]),
        ("a <RE", ["rex>", "Red hat>"]),
        ("a <rex> and <red ", ["Red hat>"]),
        ("a <rex>", []),
        ("a re", []),
        (r"a \<re", []),
        ("a <x", []),
    ],
)
def test_names_are_completed_after_their_sign_only(line: str, found: list[str]) -> None:
    assert completions(line, NAMES) == found


def test_tab_asks_for_the_names_of_now(monkeypatch) -> None:
    readline = pytest.importorskip("readline", reason="this Python has no readline")
    names = ["rex"]
    before = readline.get_completer(), readline.get_completer_delims()
    complete_names(lambda: names)
    complete = readline.get_completer()
    monkeypatch.setattr(readline, "get_line_buffer", lambda: "a <r in snow")
    monkeypatch.setattr(readline, "get_endidx", lambda: 4)
    assert [complete("r", 0), complete("r", 1)] == ["rex>", None]
    names.append("robot")
    assert [complete("r", 0), complete("r", 1)] == ["rex>", "robot>"]
    readline.set_completer(before[0])
    readline.set_completer_delims(before[1])


def test_ctrl_c_discards_a_line_ctrl_d_ends_and_readline_may_lack(monkeypatch, capsys) -> None:
    lines = iter([KeyboardInterrupt, "a dog", EOFError])

    def read(prompt: str) -> str:
        line = next(lines)
        if isinstance(line, str):
            return line
        raise line

    monkeypatch.setattr("builtins.input", read)
    monkeypatch.setitem(sys.modules, "readline", None)
    assert list(typed("> ", lambda: NAMES)) == ["a dog"]
    assert capsys.readouterr().out == "\n\n"
