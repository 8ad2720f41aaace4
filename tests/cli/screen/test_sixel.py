"""Sixels, read back as a terminal reads them."""

import itertools
import re

import torch
from PIL import Image

from cli.screen.sixel import sixels


def shown(sequence: str) -> Image.Image:
    """Return the picture that a terminal draws of a sequence of sixels."""
    body = re.fullmatch("\x1bPq(.*)\x1b\\\\", sequence, re.DOTALL)
    assert body
    size = re.match(r'"1;1;(\d+);(\d+)', body[1])
    assert size
    picture = Image.new("RGB", (int(size[1]), int(size[2])))
    colours: dict[int, tuple[int, ...]] = {}
    x = top = 0
    colour = (0, 0, 0)
    for number, rgb, count, six, move in re.findall(
        r"#(\d+)((?:;\d+)*)|(?:!(\d+))?([?-~])|([$-])", body[1][size.end() :]
    ):
        if rgb:
            colours[int(number)] = tuple(round(int(part) * 2.55) for part in rgb.split(";")[2:])
        elif number:
            colour = colours[int(number)]
        elif move:
            x, top = 0, top + 6 * (move == "-")
        else:
            for column, row in itertools.product(range(x, x + int(count or 1)), range(6)):
                if ord(six) - 63 >> row & 1:
                    picture.putpixel((column, top + row), colour)
            x += int(count or 1)
    return picture


def test_a_terminal_draws_the_picture_within_a_percent_of_each_colour() -> None:
    few = torch.randint(0, 4, (13, 20, 3), generator=torch.Generator().manual_seed(0)) * 85
    image = Image.frombytes("RGB", (20, 13), bytes(few.flatten().tolist()))
    read = shown(sixels(image))
    assert read.size == image.size
    apart = max(abs(a - b) for a, b in zip(read.tobytes(), image.tobytes(), strict=True))
    assert apart <= 3


def test_runs_are_written_once() -> None:
    assert "!40~" in sixels(Image.new("RGB", (40, 6), "blue"))
