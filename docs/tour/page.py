"""The commands of the page, and the pictures that it shows."""

import re
from pathlib import Path

PAGE = Path(__file__).parents[1] / "tour.md"
SHOWN = PAGE.parent
"""The folder of the page, from which it names its pictures."""


def commands(text: str) -> list[str]:
    """Return the shell blocks of a page, in order."""
    return re.findall(r"^```sh\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def pictures(text: str) -> list[Path]:
    """Return the pictures that a page shows. They have the same paths beside the page and in the reader's folder."""
    return [Path(target) for target in re.findall(r"!\[[^]]*\]\((tour/[^)]+)\)", text)]
