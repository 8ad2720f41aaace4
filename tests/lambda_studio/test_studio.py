"""What the studio's own methods choose before a use case begins."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from concepts.errors import ConceptNotFound
from lambda_studio.config import FinetuneConfig
from lambda_studio.studio import Studio

QUICK = FinetuneConfig(steps=1, rank=2)


@pytest.fixture
def studio(tmp_path: Path, stack_file: Path) -> Iterator[Studio]:
    """A studio of tiny models with a home of its own."""
    with Studio(tmp_path / "home", stack=str(stack_file)) as opened:
        yield opened


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """A blue box on noise."""
    image = Image.fromarray(np.random.default_rng(0).integers(120, 200, (64, 80, 3)).astype(np.uint8))
    ImageDraw.Draw(image).rectangle((24, 16, 56, 48), fill=(20, 30, 180))
    image.save(tmp_path / "photo.png")
    return tmp_path / "photo.png"


def add(studio: Studio, name: str, *images: Path):
    """A concept whose whole pictures are the subject."""
    return studio.concepts.add(name, images, noun="dog", segment="none")


def test_a_stack_says_what_fine_tuning_prefers(tmp_path, photo, stack_file) -> None:
    toml = tmp_path / "own.toml"
    toml.write_text(stack_file.read_text().replace("finetune = {", "finetune = { steps = 2, rank = 3,"))
    with Studio(tmp_path / "home", stack=str(toml)) as studio:
        add(studio, "rex", photo)
        done = studio.finetune(["rex"], config=FinetuneConfig(rank=1))
    assert done.adapter is not None
    settings = done.adapter.settings
    assert (done.steps, settings["steps"], settings["rank"], settings["seed"]) == (2, 2, 1, 0)


def test_nothing_is_tuned_where_a_name_is_unknown(studio, photo) -> None:
    add(studio, "rex", photo)
    with pytest.raises(ConceptNotFound, match="No concept named 'hat'"):
        studio.finetune(["rex", "hat"], config=QUICK)
    with studio.database.reading() as registry:
        assert registry.runs("default") == []


def test_closing_a_studio_ends_the_process_that_opens_pictures(tmp_path: Path, stack_file: Path) -> None:
    Image.linear_gradient("L").save(tmp_path / "photo.png")
    with Studio(tmp_path / "home", stack=str(stack_file)) as studio:
        door = studio.workplace.door
        door.photo(tmp_path / "photo.png")
        process = door._process
        assert process is not None and process.poll() is None
    assert door.pid is None and process.poll() is not None
