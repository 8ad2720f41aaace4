"""The command of an evaluation."""

from pathlib import Path

from lambda_studio.config import BenchmarkConfig, GenerateConfig
from lambda_studio.workflows.benchmarks.results.command import command_of


def test_it_has_what_differs_from_the_defaults() -> None:
    config = BenchmarkConfig(mean="pairs", subjects=("dog", "cat2"), weights=("dino-vits16=a b", "clip-b32=c"))
    drawing = GenerateConfig(num_inference_steps=8, seed=3)
    words = ("multibench", "my subjects", "--together", "2")
    assert command_of(words, Path("out"), "miniature", config, drawing, Path("given")) == (
        "studio evaluate multibench 'my subjects' --together 2 --out out --weights 'dino-vits16=a b' "
        "--weights clip-b32=c --mean pairs --subjects dog,cat2 --steps 8 --seed 3 --score-only given --stack miniature"
    )
