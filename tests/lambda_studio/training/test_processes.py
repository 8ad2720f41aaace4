"""Several processes train one model: with the weights that one process gets for the same batches, and one writes."""

import json
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file
from torch import Tensor

from lambda_studio.config import FinetuneConfig
from lambda_studio.errors import ResumeRefused
from lambda_studio.processes.isolated import environment
from lambda_studio.training.checkpoints.checkpoint import latest_checkpoint
from lambda_studio.training.checkpoints.resume import open_run
from lambda_studio.training.finetuning import finetune_decoder
from lambda_studio.training.objectives.objectives import DecoderObjective
from tests.lambda_studio.training.test_trainer import _decoder, _digest, _masked_examples, _weights

ROOT = Path(__file__).parents[3]
BEGIN = """
import sys
sys.path.insert(0, sys.argv[1])
import json, os
from pathlib import Path
import torch
from lambda_studio.config import FinetuneConfig
from lambda_studio.training.finetuning import finetune_decoder
from lambda_studio.training.hooks import Hooks
from tests.lambda_studio.training.test_trainer import _config, _decoder, _masked_examples, _weights

rank, folder = int(os.environ["RANK"]), Path(sys.argv[2])
"""
END = """
torch.distributed.destroy_process_group()
print("rank", rank, "agrees")
"""


def _together(script: str, folder: Path, *words: str) -> None:
    """Run a script in two processes that find each other, isolated as our child processes are."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    shared = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-I", "-c", BEGIN + script + END, str(ROOT), str(folder), *words]
    processes = [
        subprocess.Popen(
            command,
            env=environment(**shared, RANK=str(rank), LOCAL_RANK=str(rank)),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    try:
        for rank, process in enumerate(processes):
            output, errors = process.communicate(timeout=180)
            assert f"rank {rank} agrees" in output, errors
    finally:
        for process in processes:
            process.kill()


STOPPED = """
seen = []

def run(name, resume, stop):
    decoder = _decoder()
    asked = lambda: stop and rank == 1 and calls.append(1) is None and len(calls) == 2  # only one process is asked
    calls = []
    result = finetune_decoder(
        decoder, _masked_examples(), _config(batch_size=1), folder / name, resume,
        Hooks(on_step=lambda r: seen.append(r.step), should_stop=asked),
    )
    return decoder, result

decoder, result = run("whole", False, False)
assert (result.steps, result.stopped) == (6, False)
assert seen == ([1, 2, 3, 4, 5, 6] if rank == 0 else []), seen
_, stopped = run("stopped", False, True)
assert (stopped.steps, stopped.stopped) == (2, True)
again, _ = run("stopped", True, False)
for name, weight in _weights(decoder).items():
    assert torch.equal(weight, again.unet.state_dict()[name]), name
    theirs = weight.clone()
    torch.distributed.broadcast(theirs, 0)
    assert torch.equal(weight, theirs), name
"""
EACH = """
from safetensors.torch import save_file
from lambda_studio.training import trainer
from lambda_studio.training.checkpoints.checkpoint import save_checkpoint

saved = []

def counted(folder, step, state, meta, **options):
    saved.append(step)
    return save_checkpoint(folder, step, state, meta, **options)

trainer.save_checkpoint = counted
for name, settings in json.loads(sys.argv[3]).items():
    decoder = _decoder()
    saved.clear()
    finetune_decoder(decoder, _masked_examples(), FinetuneConfig(**settings), folder / name)
    assert saved == ([2, 4, 6] if rank == 0 else []), saved
    if rank == 0:
        weights = {key: weight.contiguous() for key, weight in _weights(decoder).items()}
        save_file(weights, folder / f"{name}.safetensors")
"""
WAYS: dict[str, dict[str, Any]] = {
    "lora": {},
    "full": {"method": "full", "learning_rate": 1e-4},  # AdamW divides by gradients that are almost 0
    "lora, accumulated": {"gradient_accumulation_steps": 2, "ema_decay": 0.9, "masked_loss": True, "use_dora": True},
    "full, accumulated": {
        "method": "full",
        "optimizer": "torch.optim:SGD",
        "gradient_accumulation_steps": 2,
        "gradient_checkpointing": True,
        "snr_gamma": 5.0,
        "timestep_sampling": "logit-normal",
        "lr_scheduler": "cosine",
    },
}
"""What two processes train with batches of 2, and one process with batches of 4."""


def _settings(name: str, batch_size: int) -> dict[str, Any]:
    common = {"steps": 6, "rank": 2, "checkpoint_every": 2, "learning_rate": 1e-2, "seed": 3}
    return {**common, "batch_size": batch_size, **WAYS[name]}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the runs that two processes trained."""
    folder = tmp_path_factory.mktemp("processes")
    _together(EACH + STOPPED, folder, json.dumps({name: _settings(name, 2) for name in WAYS}))
    return folder


def _alone(name: str, batch_size: int, folder: Path) -> tuple[dict[str, Tensor], tuple[float, ...]]:
    decoder = _decoder()
    result = finetune_decoder(decoder, _masked_examples(), FinetuneConfig(**_settings(name, batch_size)), folder)
    return _weights(decoder), result.losses


@pytest.mark.parametrize("name", WAYS)
def test_two_processes_end_with_the_weights_of_one_for_the_same_batches(
    trained: Path, tmp_path: Path, name: str
) -> None:
    together = load_file(trained / f"{name}.safetensors")
    alone, losses = _alone(name, 4, tmp_path / "alone")
    assert together.keys() == alone.keys()
    apart = {key: float((together[key] - weight).abs().max()) for key, weight in alone.items()}
    assert max(apart.values()) <= 1e-5, max(apart.items(), key=lambda each: each[1])
    lines = [json.loads(line) for line in (trained / name / "loss.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [1, 2, 3, 4, 5, 6]
    assert [line["loss"] for line in lines] == pytest.approx(losses, rel=1e-4)
    kept = sorted(path.name for path in (trained / name / "checkpoints").iterdir())
    assert kept == ["step-00000004", "step-00000006"]


def test_other_batches_give_other_weights(trained: Path, tmp_path: Path) -> None:
    """The comparison above can fail."""
    together = load_file(trained / "lora.safetensors")
    other, _ = _alone("lora", 2, tmp_path / "other")
    assert max(float((together[key] - weight).abs().max()) for key, weight in other.items()) > 1e-3


def test_two_processes_hold_one_model_and_stop_together_and_one_of_them_writes(trained: Path) -> None:
    """The two that ran `STOPPED` compared their weights."""
    assert _digest(trained / "stopped") == _digest(trained / "whole")
    assert len((trained / "whole" / "loss.jsonl").read_text().splitlines()) == 6


def test_a_run_of_another_number_of_processes_is_not_resumed(trained: Path) -> None:
    """Nor one of an earlier version, whose processes drew their noise apart."""
    config = FinetuneConfig(**_settings("lora", 2))
    objective = DecoderObjective(_decoder(), _masked_examples(), config)
    with pytest.raises(ResumeRefused) as refused:
        open_run(trained / "lora", True, objective.describe(1), 6)
    assert refused.value.cause == "The run was started with other settings: processes: 2 with one draw -> 1."
    checkpoint = latest_checkpoint(trained / "lora" / "checkpoints")
    assert checkpoint is not None and checkpoint.meta["settings"] == objective.describe(2)
    assert objective.describe(2)["processes"] != "2"
