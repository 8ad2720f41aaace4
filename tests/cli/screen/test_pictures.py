"""Pictures in terminals."""

import base64
import io
import re

import pytest
from PIL import Image

from cli.screen.pictures import PIECE, escapes, protocol, show_pictures
from cli.screen.sixel import sixels


@pytest.mark.parametrize(
    ("environment", "way"),
    [
        ({"TERM": "xterm-kitty"}, "kitty"),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "ghostty"}, "kitty"),
        ({"TERM_PROGRAM": "iTerm.app"}, "iterm"),
        ({"TERM_PROGRAM": "WezTerm"}, "iterm"),
        ({"TERM": "foot"}, "sixel"),
        ({"TERM": "foot-extra"}, "sixel"),
        ({"TERM": "xterm-256color", "KONSOLE_VERSION": "230805"}, "sixel"),
        ({"TERM": "xterm-256color", "KONSOLE_VERSION": "210400"}, None),
        ({"TERM": "xterm-256color", "KONSOLE_VERSION": "new"}, None),
        ({"TERM": "xterm-256color"}, None),
        ({"TERM": "screen", "TERM_PROGRAM": "iTerm.app"}, None),
        ({"TERM": "xterm-kitty", "TMUX": "/tmp/x"}, None),
    ],
)
def test_a_terminal_is_known_by_its_name(environment, way) -> None:
    assert protocol(environment) == way


def test_kittys_pieces_are_the_file_and_the_last_says_so() -> None:
    png = bytes(range(256)) * 30
    found = re.findall("\x1b_G([^;]*);([^\x1b]*)\x1b\\\\", escapes(png, "kitty"))
    assert base64.b64decode("".join(data for _, data in found)) == png
    assert [control for control, _ in found] == ["a=T,f=100,m=1", "m=1", "m=0"]
    assert max(len(data) for _, data in found) == PIECE


def test_iterms_sequence_is_the_file() -> None:
    assert escapes(b"png", "iterm") == f"\x1b]1337;File=inline=1:{base64.b64encode(b'png').decode()}\x07"


def test_a_terminal_with_sixels_gets_the_pictures_pixels() -> None:
    file = io.BytesIO()
    Image.new("RGB", (5, 7), "red").save(file, "PNG")
    assert escapes(file.getvalue(), "sixel") == sixels(Image.new("RGB", (5, 7), "red"))


def test_nothing_is_shown_where_there_is_no_terminal(capsys, monkeypatch) -> None:
    monkeypatch.setenv("TERM", "xterm-kitty")
    assert not show_pictures([])
    assert capsys.readouterr().out == ""
