"""One fine-tuning run, and the adapter that it makes."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from PIL import Image

from lambda_studio.config import FinetuneConfig, GenerateConfig
from lambda_studio.errors import TrainingDiverged
from lambda_studio.models.adapters.information import read_adapter_info
from lambda_studio.progress import Advance
from lambda_studio.workflows.tuning import run as tuning

QUICK = FinetuneConfig(steps=1, rank=2)
ONE_STEP = GenerateConfig(num_inference_steps=1, seed=0)


def test_an_adapter_is_registered_with_what_it_saw_and_carries_it(studio, add, photo, tmp_path) -> None:
    concept = add("rex", photo).concept
    adapter = studio.finetune(None, config=QUICK).adapter
    assert adapter is not None
    assert (adapter.knows, adapter.stack, adapter.method) == ({"rex": 1}, "tiny", "lora")
    assert adapter.path == tmp_path / "home" / "adapters" / f"{adapter.sha256}.safetensors"
    assert [path.name for path in adapter.path.parent.iterdir()] == [adapter.path.name]
    info = read_adapter_info(adapter.path)
    assert info.concepts == ({"name": "rex", "library": "default", "version": 1, "manifest": concept.manifest},)
    fingerprint = studio.workplace.stack.fingerprints()["decoder"]
    assert info.base_fingerprint == fingerprint == adapter.settings["base_fingerprint"]


def test_tuning_changes_the_pictures_and_leaves_the_base_as_it_was(studio, add, photo, tmp_path) -> None:
    add("rex", photo)

    def drawn(adapter: str) -> bytes:
        answer = studio.generate("a <rex>", out=tmp_path, adapter=adapter, config=replace(ONE_STEP, seed=4))
        return Image.open(answer.pictures[0].path).tobytes()

    before = drawn("auto")
    studio.finetune(["rex"], config=FinetuneConfig(steps=3, rank=4, learning_rate=0.05))
    assert drawn("auto") != before
    assert drawn("none") == before


def test_a_run_that_diverges_is_failed_with_its_reason_and_makes_no_adapter(studio, add, photo, monkeypatch) -> None:
    add("rex", photo)

    def diverge(*args):
        raise TrainingDiverged("The loss is nan at step 1.", "Start again.")

    monkeypatch.setattr(tuning, "finetune", diverge)
    with pytest.raises(TrainingDiverged):
        studio.finetune(["rex"], config=QUICK)
    with studio.database.reading() as registry:
        (run,) = registry.runs("default")
    assert (run.status, run.why) == ("failed", "The loss is nan at step 1. Start again.")
    assert studio.adapters.list() == []


def test_what_a_drawing_left_in_memory_is_gone_before_the_training(studio, add, photo, tmp_path, monkeypatch) -> None:
    add("rex", photo)
    stack, there, train = studio.workplace.stack, [], tuning.finetune
    monkeypatch.setattr(tuning, "finetune", lambda *args: there.append(stack.loaded) or train(*args))
    studio.generate("a <rex>", out=tmp_path, config=ONE_STEP)
    assert stack.loaded == {"clip", "prior", "decoder"}
    studio.finetune(["rex"], config=QUICK)
    assert there == [frozenset()]


def test_the_progress_of_a_training_tells_loss_and_speed(studio, add, photo, monkeypatch) -> None:
    add("rex", photo)
    notes: list[str] = []

    @contextmanager
    def noting(label: str, total: int) -> Iterator[Advance]:
        def advance(steps: int = 1, note: str = "") -> None:
            if label.startswith("Fine-tuning"):
                notes.append(note)

        yield advance

    monkeypatch.setattr(studio.workplace, "progress", noting)
    studio.finetune(["rex"], config=replace(QUICK, steps=3))
    assert re.fullmatch(r"loss \d\.\d{4}", notes[0])
    assert all(re.fullmatch(r"loss \d\.\d{4}, \d+\.\d (steps/s|s/step)", note) for note in notes[1:])
    assert len(notes) == 3
