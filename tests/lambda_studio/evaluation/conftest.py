"""Pictures to compare, and a tiny stack."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lambda_studio.models.stacks.stack import Stack
from lambda_studio.models.stacks.toml import from_toml


@pytest.fixture
def noise():
    """Draw a picture of noise, another one for each seed."""

    def draw(seed: int, width: int = 48, height: int = 40) -> Image.Image:
        return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (height, width, 3)).astype(np.uint8))

    return draw


@pytest.fixture
def stack(stack_file: Path) -> Iterator[Stack]:
    """A stack of tiny models."""
    opened = Stack(from_toml(stack_file), "cpu")
    yield opened
    opened.close()
