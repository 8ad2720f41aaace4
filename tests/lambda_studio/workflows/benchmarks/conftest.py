"""A benchmark at a hundredth of its size."""

from collections.abc import Callable
from pathlib import Path

import pytest

from lambda_studio.config import BenchmarkConfig, GenerateConfig
from lambda_studio.studio import Studio
from lambda_studio.workflows.benchmarks.results.scores import BenchmarkScores
from tests.dreambench import write_dreambench

FAST = GenerateConfig(num_inference_steps=1)


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    """DreamBooth's folder: a dog with three photographs, a cat with two, a vase with one, a mug with none."""
    return write_dreambench(tmp_path / "dataset")


@pytest.fixture
def config() -> Callable[..., BenchmarkConfig]:
    """Return settings without masks, and without a DINO."""
    return lambda **settings: BenchmarkConfig(**{"segment": "none", "dino": "none", "pictures": 2, **settings})


@pytest.fixture
def bench(studio: Studio, dataset: Path, config, tmp_path: Path) -> Callable[..., BenchmarkScores]:
    """Evaluate DreamBench with one step of denoising."""

    def run(out: str = "out", score_only: Path | None = None, **settings) -> BenchmarkScores:
        found = studio.evaluations.dreambench(dataset, tmp_path / out, config(**settings), FAST, score_only=score_only)
        assert found is not None
        return found

    return run
