"""Show pictures in terminals that can: by kitty's graphics protocol, iTerm2's, or sixels."""

import base64
import io
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lambda_studio.studio import Drawn

PIECE = 4096
"""The most base64 characters of one of kitty's escape sequences."""
KITTY = ("kitty", "ghostty")
ITERM = ("iTerm.app", "WezTerm", "vscode", "mintty")
SIXEL = ("foot", "mlterm", "contour", "yaft")
KONSOLE = 220400
"""The first version of Konsole with sixels."""


def show_pictures(drawn: "Sequence[Drawn]") -> bool:
    """Show all pictures if the terminal can, and return whether it can. Only a terminal gets them."""
    way = protocol(os.environ) if sys.stdout.isatty() else None
    if way is None:
        return False
    for path in (picture.path for each in drawn for picture in each.pictures):
        sys.stdout.write(f"{escapes(path.read_bytes(), way)}\n")
    sys.stdout.flush()
    return True


def escapes(png: bytes, way: str) -> str:
    """Return the escape sequences that show a PNG by one of the protocols."""
    if way == "sixel":
        from PIL import Image

        from cli.screen.sixel import sixels

        with Image.open(io.BytesIO(png), formats=("PNG",)) as image:
            return sixels(image)
    data = base64.b64encode(png).decode()
    return "".join(_kitty(data)) if way == "kitty" else f"\x1b]1337;File=inline=1:{data}\x07"


def protocol(environment: Mapping[str, str]) -> str | None:
    """Return `kitty`, `iterm` or `sixel` for a terminal that told its name. tmux and screen pass none on."""
    term, program = environment.get("TERM", ""), environment.get("TERM_PROGRAM", "")
    if "TMUX" in environment or term.startswith("screen"):
        return None
    if "KITTY_WINDOW_ID" in environment or any(name in term for name in KITTY) or program.lower() in KITTY:
        return "kitty"
    if program in ITERM:
        return "iterm"
    konsole = environment.get("KONSOLE_VERSION", "")
    has_sixels = term.split("-")[0] in SIXEL or (konsole.isdecimal() and int(konsole) >= KONSOLE)
    return "sixel" if has_sixels else None


def _kitty(data: str) -> Iterator[str]:
    pieces = [data[start : start + PIECE] for start in range(0, len(data), PIECE)]
    for number, piece in enumerate(pieces):
        first = "a=T,f=100," if number == 0 else ""
        yield f"\x1b_G{first}m={int(number < len(pieces) - 1)};{piece}\x1b\\"
