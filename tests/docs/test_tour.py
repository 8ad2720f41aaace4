"""The tour shows the pictures that its commands draw, and no others."""

from pathlib import Path
from subprocess import CalledProcessError

import numpy as np
import pytest
from PIL import Image

from docs.tour.drawing import WIDEST, follow, for_the_page
from docs.tour.page import PAGE, SHOWN, commands, pictures

TEXT = PAGE.read_text(encoding="utf-8")
LARGEST = 1.5 * 2**20
CLOSE = 2
"""The largest difference, of 255, between processors."""


def page(command: str, picture: str = "tour/a.png") -> str:
    """Return the text of a page with one command and one picture."""
    return f"```sh\nmkdir tour && cd tour\n```\n\n```sh\n{command}\n```\n\n![A]({picture})\n"


def test_every_picture_of_the_tour_is_on_its_page_and_they_are_small() -> None:
    files = list((SHOWN / "tour").rglob("*.png"))
    assert {path.relative_to(SHOWN) for path in files} == set(pictures(TEXT))
    assert sum(path.stat().st_size for path in files) < LARGEST


def test_every_picture_stands_below_the_command_that_writes_it() -> None:
    for path in pictures(TEXT):
        above = "".join(commands(TEXT[: TEXT.index(f"({path})")]))
        written = path.relative_to("tour").parts[0]
        assert f" {written}\n" in above or f"--out {written} " in above, path


def test_every_drawing_has_a_seed() -> None:
    lines = "\n".join(commands(TEXT)).splitlines()
    drawing = [line for line in lines if line.startswith(("studio generate ", "studio interpolate", "studio recons"))]
    assert len(drawing) > 20
    for line in drawing:
        assert "--seed 1" in line or "--file" in line or "--from " in line, line
    assert all("--d 1" in line for line in lines if line.startswith(("a <", "printf ")))


def test_a_page_is_followed_in_one_shell_and_small_pictures_get_larger_pixels(tmp_path: Path) -> None:
    draw = "python -c \"from PIL import Image; Image.new('RGB', (128, 96), 'red').save('a.png')\""
    ((path, picture),) = follow(page(draw), tmp_path)
    assert (path, picture.size) == (Path("tour/a.png"), (256, 192))
    assert for_the_page(Image.new("RGB", (2 * WIDEST, 100))).size == (WIDEST, 50)
    assert for_the_page(Image.new("RGB", (344, 300))).size == (344, 300)


def test_a_command_that_fails_ends_the_tour(tmp_path: Path) -> None:
    with pytest.raises(CalledProcessError):
        list(follow(page("false"), tmp_path))


def test_a_picture_that_no_command_wrote_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"a\.png"):
        list(follow(page("true"), tmp_path))


@pytest.mark.slow
def test_the_commands_of_the_tour_draw_its_pictures(tmp_path: Path) -> None:
    for path, picture in follow(TEXT, tmp_path):
        with Image.open(SHOWN / path) as shown:
            difference = np.abs(np.asarray(shown, dtype=int) - np.asarray(picture, dtype=int)).max()
        assert difference <= CLOSE, f"{path} differs by {difference}. Draw the pictures again: python -m docs.tour"
