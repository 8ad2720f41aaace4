"""A studio of tiny models, and pictures to add to it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from lambda_studio.studio import Studio


@pytest.fixture
def notices() -> list[str]:
    """What the studio told the person."""
    return []


@pytest.fixture
def studio(tmp_path: Path, stack_file: Path, notices: list[str]) -> Iterator[Studio]:
    """A studio of tiny models with a home of its own."""
    with Studio(tmp_path / "home", stack=str(stack_file), notify=notices.append) as opened:
        yield opened


@pytest.fixture
def box(tmp_path: Path) -> Callable[[int], Path]:
    """Draw a blue box on noise, somewhere else for each seed, and give its file."""

    def draw(seed: int) -> Path:
        image = Image.fromarray(np.random.default_rng(seed).integers(120, 200, (64, 80, 3)).astype(np.uint8))
        ImageDraw.Draw(image).rectangle((24 + seed, 16, 56 + seed, 48), fill=(20, 30, 180))
        image.save(tmp_path / f"box{seed}.png")
        return tmp_path / f"box{seed}.png"

    return draw


@pytest.fixture
def add(studio: Studio) -> Callable:
    """Add a concept whose whole pictures are the subject."""
    return lambda name, *images, noun="dog": studio.concepts.add(name, images, noun=noun, segment="none")
