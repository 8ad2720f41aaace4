"""Run a page's commands in an empty folder, and make its pictures of what they wrote."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from PIL import Image

from docs.tour.page import commands, pictures

SMALL, ENLARGED = 128, 2
"""A picture of the miniature has so many pixels on a side, and is shown so many times as large."""
WIDEST = 600


def follow(text: str, folder: Path) -> Iterator[tuple[Path, Image.Image]]:
    """Run the commands of a page in an empty folder, and yield each picture that it shows with its name.

    Raises:
        CalledProcessError: a command failed.
        FileNotFoundError: a picture is on the page that no command wrote.
    """
    script = "\n".join(commands(text))  # one shell, as for a reader: folder and variables stay
    subprocess.run(["bash", "-e", "-o", "pipefail", "-c", script], cwd=folder, env=_environment(), check=True)
    for path in pictures(text):
        with Image.open(folder / path) as written:
            yield path, for_the_page(written.convert("RGB"))


def for_the_page(picture: Image.Image) -> Image.Image:
    """Return a picture as the page shows it: small ones with larger pixels, wide sheets reduced."""
    if picture.width <= SMALL:
        size = (picture.width * ENLARGED, picture.height * ENLARGED)
        return picture.resize(size, Image.Resampling.NEAREST)
    if picture.width > WIDEST:
        return picture.resize((WIDEST, round(picture.height * WIDEST / picture.width)))
    return picture


def _environment() -> dict[str, str]:
    """Return an environment without the person's own settings, in which `studio` is that of this Python."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("STUDIO_")}
    own["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), own["PATH"]])
    return own
