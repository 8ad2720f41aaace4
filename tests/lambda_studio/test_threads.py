"""One thread trains while another draws: each result is the one that it has alone, bit for bit."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

from lambda_studio import FinetuneConfig, GenerateConfig, Studio

PATIENCE = 120
"""Seconds in which the other thread must have got on."""


def test_one_thread_trains_while_another_draws_and_both_results_are_as_alone(tmp_path: Path, stack_file: Path) -> None:
    photo = tmp_path / "photo.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3)).astype(np.uint8)).save(photo)
    adapters: list[str] = ["1", "none"]

    def opened() -> Studio:
        return Studio(tmp_path / "home", stack=str(stack_file))

    def train(studio: Studio, should_stop: Callable[[], bool] = lambda: False) -> str:
        config = FinetuneConfig(steps=5, rank=2, learning_rate=0.05, seed=2)
        adapter = studio.finetune(["rex"], config, should_stop=should_stop).adapter
        assert adapter is not None
        return adapter.sha256

    def draw(studio: Studio, adapter: str) -> bytes:
        config = GenerateConfig(num_inference_steps=2, seed=4)
        drawn = studio.generate("a <rex>", config, adapter=adapter, out=tmp_path / "out")
        return Image.open(drawn.pictures[0].path).tobytes()

    with opened() as studio:
        studio.concepts.add("rex", [photo], noun="dog", segment="none")
        studio.finetune(["rex"], FinetuneConfig(steps=2, rank=4, learning_rate=0.05))
        alone = train(studio), [draw(studio, adapter) for adapter in adapters]
    assert len({*alone[1]}) == 2

    training, drawn = threading.Event(), threading.Semaphore(0)

    def after_a_step() -> bool:
        """Let training go on to its next step only when a picture was drawn since the last."""
        training.set()
        return not drawn.acquire(timeout=PATIENCE)

    def keep_drawing() -> list[list[bytes]]:
        pictures = []
        with opened() as studio:
            assert training.wait(PATIENCE)
            for _ in range(5):
                pictures.append([draw(studio, adapter) for adapter in adapters])
                drawn.release()
        return pictures

    def keep_training() -> str:
        with opened() as studio:
            return train(studio, after_a_step)

    with ThreadPoolExecutor(2) as threads:
        trained, pictures = threads.submit(keep_training), threads.submit(keep_drawing)
        assert trained.result() == alone[0]
        assert pictures.result() == [alone[1]] * 5
