"""`studio` as a person calls it, but in this process, on tiny models and in a home of its own."""

import json
import shutil
import signal
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from cli.main import run


@dataclass(frozen=True)
class Answer:
    """What a command said, and the exit code it ended with."""

    code: int
    out: str
    err: str


Call = Callable[..., Answer]
TUNE = ("finetune", "rex", "--steps", 4, "--rank", 2, "--seed", 3)


@pytest.fixture
def studio(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], stack_file: Path
) -> Call:
    """Calls a command line; everything that it writes lies under tmp_path."""
    monkeypatch.setenv("STUDIO_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("STUDIO_STACK", str(stack_file))
    monkeypatch.delenv("STUDIO_LIBRARY", raising=False)
    monkeypatch.delenv("STUDIO_USER", raising=False)
    monkeypatch.delenv("STUDIO_DATABASE", raising=False)
    monkeypatch.chdir(tmp_path)

    def call(*args: object) -> Answer:
        code = run([str(arg) for arg in args])
        said = capsys.readouterr()
        return Answer(code, said.out, said.err)

    return call


@pytest.fixture(autouse=True)
def one_door(studios_share_a_door: None) -> None:
    """Open pictures in one process in all tests."""


Fill = Callable[[], object]


@pytest.fixture
def prepare(studio: Call, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Fill], None]:
    """Fill this test's home as a function does, by copying what the function made for an earlier test."""

    def prepare(name: str, fill: Fill) -> None:
        made = tmp_path_factory.getbasetemp() / "prepared" / name
        if made.exists():
            shutil.copytree(made, tmp_path / "home")
        else:
            fill()
            shutil.copytree(tmp_path / "home", made)

    return prepare


@pytest.fixture
def added(studio: Call, photos: list[Path], prepare: Callable[[str, Fill], None]) -> None:
    """Have rex, a dog, with two photos."""
    prepare("rex", lambda: well(studio("add-concept", "rex", *photos, "--noun", "dog")))


@pytest.fixture
def tuned(studio: Call, photos: list[Path], prepare: Callable[[str, Fill], None]) -> None:
    """Have rex, a dog, with two photos and an adapter that knows it."""

    def fill() -> None:
        well(studio("add-concept", "rex", *photos, "--noun", "dog"))
        well(studio("finetune", "rex", "--steps", 1, "--rank", 2))

    prepare("rex with an adapter", fill)


def well(answer: Answer) -> Answer:
    """Check that a command did what it was asked."""
    assert answer.code == 0, answer.err
    return answer


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    """Two photos of a red thing, on a green and a blue ground."""
    return [draw_photo(tmp_path / f"photo{number}.png", number) for number in (1, 2)]


def draw_photo(path: Path, seed: int) -> Path:
    """A red ellipse on noisy green, or on noisy blue for an even seed."""
    noise = np.random.default_rng(seed).integers(0, 60, (64, 64, 3))
    ground = np.array([20, 120, 40] if seed % 2 else [20, 40, 120])
    image = Image.fromarray((noise + ground).astype(np.uint8))
    ImageDraw.Draw(image).ellipse((16 + seed, 14, 46 + seed, 50), fill=(200, 30 + 9 * seed, 30))
    image.save(path)
    return path


@pytest.fixture
def stopped_after_two(studio: Call, photos: list[Path], prepare: Callable[[str, Fill], None]) -> None:
    """A run of four steps (`TUNE`) that Ctrl-C reached in its second."""
    prepare("stopped after two", lambda: stop_after_two(studio, photos))


def stop_after_two(studio: Call, photos: list[Path]) -> None:
    """Add rex and interrupt `TUNE` in its second step."""
    from lambda_studio.workflows.tuning import run as tuning

    well(studio("add-concept", "rex", *photos, "--noun", "dog"))
    train = tuning.finetune

    def interrupted(objective, folder, resume, hooks):
        def on_second(report) -> None:
            hooks.on_step(report)
            if report.step == 2:
                signal.raise_signal(signal.SIGINT)

        return train(objective, folder, resume, replace(hooks, on_step=on_second))

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(tuning, "finetune", interrupted)
        answer = studio(*TUNE)
    assert answer.code == 130
    assert answer.out == "Stopped after step 2. Resume it: studio finetune rex --resume\n"
    assert answer.err == "Stopping after this step. Press Ctrl-C again to stop at once.\n"
    assert json.loads(studio("adapters", "--json").out) == []
