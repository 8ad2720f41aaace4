"""A studio of tiny models, pictures to add to it, and concepts that no model has seen."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from concepts.database import FILE_NAME, Database
from concepts.records import ConceptRecord, NewImage
from lambda_studio.pictures.files.png import encode_png
from lambda_studio.studio import Studio


@pytest.fixture
def notices() -> list[str]:
    """What the studio told the person."""
    return []


@pytest.fixture(scope="session")
def new_registry(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of an empty registry: making one takes longer than a test."""
    home = tmp_path_factory.mktemp("new")
    Database.open(home).close()
    return home / FILE_NAME


@pytest.fixture(autouse=True)
def one_door(studios_share_a_door: None) -> None:
    """Open pictures in one process in all tests."""


@pytest.fixture
def studio(tmp_path: Path, stack_file: Path, notices: list[str], new_registry: Path) -> Iterator[Studio]:
    """A studio of tiny models with a home of its own."""
    (tmp_path / "home").mkdir()
    shutil.copy(new_registry, tmp_path / "home" / FILE_NAME)
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
def photo(tmp_path: Path, box: Callable[[int], Path]) -> Path:
    """A blue box on noise, in photo.png."""
    return box(0).rename(tmp_path / "photo.png")


@pytest.fixture
def half_mask(tmp_path: Path) -> Callable[[bool], Path]:
    """Draw a mask for a box, white on one side, and give its file."""

    def draw(left: bool) -> Path:
        mask = Image.new("L", (80, 64))
        mask.paste(255, (0, 0, 40, 64) if left else (40, 0, 80, 64))
        path = tmp_path / ("left.png" if left else "right.png")
        mask.save(path)
        return path

    return draw


@pytest.fixture
def add(studio: Studio) -> Callable:
    """Add a concept whose whole pictures are the subject."""
    return lambda name, *images, noun="dog": studio.concepts.add(name, images, noun=noun, segment="none")


@pytest.fixture
def plain() -> Callable[..., NewImage]:
    """A checked picture of one colour, and the left quarter of it as its mask if that is wanted."""

    def make(colour: str, masked: bool = False, original: bytes | None = None) -> NewImage:
        mask = Image.new("L", (48, 36))
        mask.paste(255, (0, 0, 12, 36))
        data = encode_png(Image.new("RGB", (48, 36), colour))
        return NewImage(data, encode_png(mask) if masked else None, 48, 36, f"{colour}.png", (), original)

    return make


@pytest.fixture
def put(studio: Studio) -> Callable[..., ConceptRecord]:
    """Write a concept into the registry as it is: no model sees it."""

    def write(name: str, *images: NewImage, noun: str = "dog") -> ConceptRecord:
        add = studio.database.write(lambda registry: registry.add_concept("default", name, noun, images))
        return add.concept

    return write
