"""A large checkpoint is written while the training goes on, and holds what was trained when it was due."""

import threading
from pathlib import Path

import pytest
import torch

from lambda_studio.errors import CheckpointFailed
from lambda_studio.training import trainer
from lambda_studio.training.checkpoints.beside import Writer, copied
from lambda_studio.training.checkpoints.checkpoint import latest_checkpoint, save_checkpoint
from lambda_studio.training.checkpoints.pace import Pace
from lambda_studio.training.finetuning import finetune_decoder
from lambda_studio.training.hooks import Hooks, StepReport
from tests.lambda_studio.training.test_trainer import _assert_same_bits, _config, _decoder, _examples, _weights


@pytest.fixture
def all_large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every checkpoint takes long, and is due none the less."""
    monkeypatch.setattr(Pace, "is_large", staticmethod(lambda size: True))
    monkeypatch.setattr(Pace, "allows", lambda self, size: True)


def test_a_copy_does_not_change_with_what_was_copied() -> None:
    weight = torch.zeros(2, requires_grad=True)
    state = {"a": {"b": [weight, 3]}, "c": (torch.ones(1), None), "d": "text"}
    copy = copied(state)
    with torch.no_grad():
        weight += 1
    assert copy["a"]["b"][0].tolist() == [0, 0] and not copy["a"]["b"][0].requires_grad
    assert (copy["a"]["b"][1], copy["c"][0].item(), copy["c"][1], copy["d"]) == (3, 1, None, "text")


def test_an_error_of_the_write_comes_out_when_it_is_waited_for() -> None:
    writer = Writer()
    assert writer.end() is None

    def fail():
        raise CheckpointFailed("The disk is full.", "")

    writer.begin(fail)
    with pytest.raises(CheckpointFailed):
        writer.end()
    writer.begin(fail)
    writer.close()


@pytest.mark.parametrize("method", ["lora", "full"])
def test_steps_go_on_while_a_checkpoint_is_written_and_it_holds_its_own_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, all_large, method: str
) -> None:
    whole, decoder, resumed = _decoder(), _decoder(), _decoder()
    finetune_decoder(whole, _examples(), _config(method=method), tmp_path / "whole")
    after_four, threads = threading.Event(), []

    def write(folder: Path, step: int, state, meta, **options):
        threads.append((step, threading.current_thread().name))
        if step == 2:
            assert after_four.wait(60), "the training waits for the write"
        return save_checkpoint(folder, step, state, meta, **options)

    def stop(report: StepReport) -> None:
        if report.step == 3:
            after_four.set()
        if report.step == 5:
            raise KeyboardInterrupt

    monkeypatch.setattr(trainer, "save_checkpoint", write)
    with pytest.raises(KeyboardInterrupt):
        finetune_decoder(decoder, _examples(), _config(method=method), tmp_path / "cut", hooks=Hooks(on_step=stop))
    assert [step for step, _ in threads] == [2, 4]
    assert all(name.startswith("checkpoint") for _, name in threads)
    saved = latest_checkpoint(tmp_path / "cut" / "checkpoints")
    assert saved is not None and saved.step == 4, "also what was being written at the end is durable"
    finetune_decoder(resumed, _examples(), _config(method=method), tmp_path / "cut", resume=True)
    _assert_same_bits(_weights(resumed), _weights(whole))


def test_a_disk_that_refuses_beside_the_training_ends_the_run_at_the_next_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, all_large
) -> None:
    def refuse(*_, **__):
        raise CheckpointFailed("The disk is full.", "")

    monkeypatch.setattr(trainer, "save_checkpoint", refuse)
    steps: list[int] = []
    with pytest.raises(CheckpointFailed):
        finetune_decoder(
            _decoder(), _examples(), _config(), tmp_path, hooks=Hooks(on_step=lambda report: steps.append(report.step))
        )
    assert steps == [1, 2, 3, 4]


def test_with_little_memory_the_training_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, all_large) -> None:
    monkeypatch.setattr(trainer, "has_cpu_memory_for", lambda size: False)
    monkeypatch.setattr(trainer, "copied", lambda state: pytest.fail("a copy was made"))
    finetune_decoder(_decoder(), _examples(), _config(), tmp_path)
    saved = latest_checkpoint(tmp_path / "checkpoints")
    assert saved is not None and saved.step == 6
