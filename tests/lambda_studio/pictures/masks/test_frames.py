"""Which transparency frames a picture, and which cuts out a subject."""

from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image, ImageDraw

from lambda_studio.pictures.masks.frames import is_frame

SIZE = (400, 300)
Draw = Callable[[ImageDraw.ImageDraw], object]


def drawn(draw: Draw) -> np.ndarray:
    """Return the pixels of a drawing, with an edge as soft as a resized picture's."""
    large = Image.new("L", (4 * SIZE[0], 4 * SIZE[1]))
    draw(ImageDraw.Draw(large))
    return np.asarray(large.resize(SIZE, Image.Resampling.BOX)) >= 128


@pytest.mark.parametrize(
    "draw",
    [
        lambda pen: pen.rectangle((80, 80, 1200, 1000), fill=255),
        lambda pen: pen.rounded_rectangle((80, 80, 1500, 1100), 60, fill=255),
        lambda pen: pen.rounded_rectangle((0, 0, 1599, 1199), 400, fill=255),
        lambda pen: pen.rounded_rectangle((80, 80, 1500, 600), 260, fill=255),
        lambda pen: pen.rounded_rectangle((80, 80, 1500, 1100), 90, fill=255, corners=(True, True, False, False)),
        lambda pen: pen.ellipse((0, 0, 1200, 1199), fill=255),
        lambda pen: pen.ellipse((100, 300, 1500, 900), fill=255),
    ],
    ids=["rectangle", "window", "very round", "pill", "window, square below", "circle", "ellipse"],
)
def test_windows_and_circles_are_frames(draw: Draw) -> None:
    assert is_frame(drawn(draw))


@pytest.mark.parametrize(
    "draw",
    [
        lambda pen: pen.polygon([(100, 1100), (800, 100), (1500, 1100)], fill=255),
        lambda pen: pen.polygon([(200, 150), (1400, 60), (1500, 1000), (120, 1100)], fill=255),
        lambda pen: (
            pen.ellipse((200, 300, 1100, 1100), fill=255),
            pen.ellipse((900, 100, 1400, 600), fill=255),
        ),
        lambda pen: (
            pen.rectangle((200, 200, 1000, 1100), fill=255),
            pen.rectangle((1000, 500, 1200, 800), fill=255),
        ),
        lambda pen: None,
    ],
    ids=["triangle", "photo of a book", "animal", "mug", "nothing"],
)
def test_cut_outs_are_not_frames(draw: Draw) -> None:
    assert not is_frame(drawn(draw))
