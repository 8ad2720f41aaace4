"""Folders of evaluations for reports."""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lambda_studio.workflows.benchmarks.results.results_folder import ResultsFolder, Row

ABOUT = {
    "name": "dreambench",
    "protocol": {"references": "all photographs", "mean": "over subjects"},
    "stack": "miniature",
    "drawing": {"num_inference_steps": 50, "seed": 0},
}
Make = Callable[..., ResultsFolder]


@pytest.fixture
def evaluation(tmp_path: Path) -> Make:
    """Makes an evaluation with a picture of noise for each row."""

    def make(name: str, *rows: Row, about: Mapping[str, object] = ABOUT) -> ResultsFolder:
        folder = ResultsFolder(tmp_path / name)
        folder.begin(about)
        with folder.adding() as writer:
            for number, row in enumerate(rows):
                path = folder.picture(row.key)
                path.parent.mkdir(parents=True, exist_ok=True)
                pixels = np.random.default_rng(number).integers(0, 255, (40, 40, 3))
                Image.fromarray(pixels.astype(np.uint8)).save(path)
                writer.add(row)
        return folder

    return make


@pytest.fixture
def rows() -> Callable[..., list[Row]]:
    """Gives rows of two subjects with two prompts and two seeds; all scores are higher by `more`."""

    def given(more: float = 0.0) -> list[Row]:
        return [
            Row(f"{name}/{prompt}/{seed}", (name,), f"a <{name}> no. {prompt}", seed,
                {"DINO": 0.1 * prompt + 0.01 * seed + more + 0.2 * (name == "max"), "CLIP-T": 0.3 - 0.01 * seed})
            for name in ("rex", "max")
            for prompt in (1, 2)
            for seed in (1, 2)
        ]  # fmt: skip

    return given
