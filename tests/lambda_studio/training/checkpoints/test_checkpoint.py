"""A checkpoint is there with every byte, or it is not there."""

import errno
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from concepts.durable import LOCK
from lambda_studio.errors import CheckpointFailed, ResumeRefused
from lambda_studio.training.checkpoints import checkpoint as module
from lambda_studio.training.checkpoints.checkpoint import latest_checkpoint, save_checkpoint


def _state(step: int) -> dict[str, Any]:
    return {"weights": {"a.b": torch.full((3, 5), float(step))}, "counters": {"step": step, "betas": (0.9, 0.99)}}


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def _latest_step(folder: Path) -> int | None:
    checkpoint = latest_checkpoint(folder)
    return checkpoint.step if checkpoint else None


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    model = torch.nn.Linear(3, 2)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    model(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    state = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "more": {"n": [1, None, True, "x"]}}
    save_checkpoint(tmp_path, 12, state, {"seed": 3, "losses": [0.1, 1 / 3]})
    checkpoint = latest_checkpoint(tmp_path)
    assert checkpoint is not None
    assert (checkpoint.step, checkpoint.meta) == (12, {"seed": 3, "losses": [0.1, 1 / 3]})
    loaded = checkpoint.load()
    assert list(loaded) == ["model", "optimizer", "more"]
    assert torch.equal(loaded["model"]["weight"], model.weight)
    assert torch.equal(loaded["optimizer"]["state"][0]["exp_avg"], optimizer.state_dict()["state"][0]["exp_avg"])
    assert loaded["optimizer"]["param_groups"] == optimizer.state_dict()["param_groups"]
    assert loaded["more"] == {"n": [1, None, True, "x"]}


def _say(checkpoint: Path, **changes: Any) -> None:
    """Change what a checkpoint's manifest says, under a hash that is right."""
    manifest = json.loads((checkpoint / "manifest.json").read_text())
    body = {**manifest["body"], **changes}
    sha = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
    (checkpoint / "manifest.json").write_text(json.dumps({**manifest, "sha256": sha, "body": body, "more": 1}))


def test_a_checkpoint_of_a_newer_format_is_said_to_be_too_new_and_the_one_before_does_not_stand_for_it(
    tmp_path: Path,
) -> None:
    for step in (1, 2):
        save_checkpoint(tmp_path, step, _state(step), {})
    _say(tmp_path / "step-00000002", format=2)
    with pytest.raises(ResumeRefused) as refused:
        latest_checkpoint(tmp_path)
    where = tmp_path / "step-00000002"
    assert refused.value.cause == (
        f"The checkpoint {where} has format 2, and this version of λ-Studio reads formats up to 1."
    )
    assert refused.value.remedy == "Update λ-Studio: pip install -U lambda-studio."


def test_a_rotten_format_number_is_damage_and_not_a_newer_version(tmp_path: Path) -> None:
    for step in (1, 2):
        save_checkpoint(tmp_path, step, _state(step), {})
    manifest = tmp_path / "step-00000002" / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"format": 1', '"format": 5'))
    assert _latest_step(tmp_path) == 1


def test_keys_that_this_version_does_not_know_are_ignored(tmp_path: Path) -> None:
    save_checkpoint(tmp_path, 3, _state(3), {"losses": []})
    _say(tmp_path / "step-00000003", host="a", meta={"losses": [], "objective": "eq-2"})
    checkpoint = latest_checkpoint(tmp_path)
    assert checkpoint is not None
    assert (checkpoint.step, checkpoint.meta["objective"], list(checkpoint.load())) == (3, "eq-2", list(_state(3)))


def test_there_is_no_latest_where_nothing_was_saved(tmp_path: Path) -> None:
    assert latest_checkpoint(tmp_path) is None
    assert latest_checkpoint(tmp_path / "not-there") is None


def test_the_newest_two_are_kept(tmp_path: Path) -> None:
    for step in (5, 10, 15, 20):
        save_checkpoint(tmp_path, step, _state(step), {})
    assert _names(tmp_path) == ["step-00000015", "step-00000020"]
    assert _latest_step(tmp_path) == 20


def test_as_many_are_kept_as_asked(tmp_path: Path) -> None:
    for step in range(5):
        save_checkpoint(tmp_path, step, _state(step), {}, keep=3)
    assert _names(tmp_path) == ["step-00000002", "step-00000003", "step-00000004"]
    save_checkpoint(tmp_path, 5, _state(5), {}, keep=1)
    assert _names(tmp_path) == ["step-00000005"]


def test_a_step_that_is_saved_again_replaces_itself_and_not_the_one_before(tmp_path: Path) -> None:
    save_checkpoint(tmp_path, 1, _state(1), {})
    save_checkpoint(tmp_path, 2, _state(2), {"try": 1})
    save_checkpoint(tmp_path, 2, _state(2), {"try": 2})
    save_checkpoint(tmp_path, 2, _state(2), {"try": 3})
    assert _names(tmp_path) == ["step-00000001", "step-00000002.2"]
    checkpoint = latest_checkpoint(tmp_path)
    assert checkpoint is not None
    assert checkpoint.meta == {"try": 3}


def test_what_lies_ahead_of_a_resumed_history_goes(tmp_path: Path) -> None:
    save_checkpoint(tmp_path, 10, _state(10), {})
    save_checkpoint(tmp_path, 20, _state(20), {})
    (tmp_path / "step-00000020" / "weights.pt").write_bytes(b"rot")
    assert _latest_step(tmp_path) == 10
    save_checkpoint(tmp_path, 15, _state(15), {})
    assert _names(tmp_path) == ["step-00000010", "step-00000015"]


@pytest.mark.parametrize("name", ["weights.pt", "counters.pt", "manifest.json"])
@pytest.mark.parametrize("damage", ["flip", "cut", "gone", "empty"])
def test_a_damaged_checkpoint_is_passed_over(tmp_path: Path, name: str, damage: str) -> None:
    save_checkpoint(tmp_path, 1, _state(1), {"seed": 3})
    save_checkpoint(tmp_path, 2, _state(2), {"seed": 3})
    path = tmp_path / "step-00000002" / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    damaged = {"flip": bytes(content), "cut": bytes(content[:-1]), "empty": b""}
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes(damaged[damage])
    assert _latest_step(tmp_path) == 1


@pytest.mark.parametrize(
    "change", [{"files": []}, {"files": {"weights.pt": 3}}, {"meta": []}, {"step": "2"}, {"step": None}, None]
)
def test_a_manifest_that_means_nothing_is_passed_over_whatever_its_hash(tmp_path: Path, change: Any) -> None:
    save_checkpoint(tmp_path, 1, _state(1), {"seed": 3})
    save_checkpoint(tmp_path, 2, _state(2), {"seed": 3})
    path = tmp_path / "step-00000002" / "manifest.json"
    body = [1] if change is None else {**json.loads(path.read_text())["body"], **change}
    digest = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
    path.write_text(json.dumps({"body": body, "sha256": digest}))
    assert _latest_step(tmp_path) == 1


@pytest.mark.parametrize("name", ["manifest.json", "weights.pt"])
def test_a_checkpoint_with_a_pipe_or_deep_nesting_in_it_is_passed_over(tmp_path: Path, name: str) -> None:
    for step in (1, 2, 3):
        save_checkpoint(tmp_path, step, _state(step), {"seed": 3}, keep=3)
    path = tmp_path / "step-00000003" / name
    path.unlink()
    os.mkfifo(path)
    (tmp_path / "step-00000002" / "manifest.json").write_text("[" * 200_000)
    assert _latest_step(tmp_path) == 1


def test_every_flipped_byte_of_a_manifest_is_seen_or_harmless(tmp_path: Path) -> None:
    save_checkpoint(tmp_path, 1, _state(1), {"seed": 3})
    path = tmp_path / "step-00000001" / "manifest.json"
    whole = path.read_bytes()
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :])
        checkpoint = latest_checkpoint(tmp_path)
        assert checkpoint is None or (checkpoint.step, checkpoint.meta) == (1, {"seed": 3})
    path.write_bytes(whole)
    assert _latest_step(tmp_path) == 1


@pytest.mark.parametrize("name", [".staged-1234-abcd", f".step-00000001.{'0a' * 16}"])
def test_a_staged_folder_of_a_killed_save_is_ignored_and_then_cleaned(tmp_path: Path, name: str) -> None:
    save_checkpoint(tmp_path, 1, _state(1), {})
    stale = tmp_path / name
    (tmp_path / "step-00000001").rename(stale)
    stale.with_name(stale.name + LOCK).touch()  # which nobody holds
    assert latest_checkpoint(tmp_path) is None
    save_checkpoint(tmp_path, 2, _state(2), {})
    assert _names(tmp_path) == ["step-00000002"]


def test_a_checkpoint_without_its_manifest_is_not_one(tmp_path: Path) -> None:
    (tmp_path / "step-00000009").mkdir()
    (tmp_path / "step-00000009" / "weights.pt").write_bytes(b"half")
    save_checkpoint(tmp_path, 3, _state(3), {})
    assert _latest_step(tmp_path) == 3


def test_files_and_folders_are_synced_before_and_after_the_rename(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    sync, rename = os.fsync, os.rename

    def named_sync(descriptor: int) -> None:
        path = Path(os.readlink(f"/proc/self/fd/{descriptor}"))
        done.append("sync " + ("staged" if path.name.startswith(".step-00000001.") else path.name))
        sync(descriptor)

    def named_rename(source: Path, target: Path) -> None:
        done.append(f"rename {Path(target).name}")
        rename(source, target)

    monkeypatch.setattr("os.fsync", named_sync)
    monkeypatch.setattr("os.rename", named_rename)
    save_checkpoint(tmp_path / "run", 1, _state(1), {})
    assert done == [
        f"sync {tmp_path.name}",
        "sync weights.pt",
        "sync manifest.json",
        "sync counters.pt",
        "sync staged",
        "rename step-00000001",
        "sync run",
    ]


@pytest.mark.parametrize("after", [0, 1, 500, 1500, 2500])
def test_a_full_disk_leaves_nothing_half_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: int) -> None:
    save_checkpoint(tmp_path, 1, _state(1), {})
    written = 0
    write = module._HashedFile.write

    class Full:
        def __init__(self, file: Any):
            self.file = file

        def write(self, data: Any) -> int:
            nonlocal written
            written += len(data)
            if written > after:
                raise OSError(errno.ENOSPC, "No space left on device")
            return self.file.write(data)

        def flush(self) -> None:
            self.file.flush()

    def on_a_full_disk(self: Any, data: Any) -> int:
        if not isinstance(self.file, Full):
            self.file = Full(self.file)
        return write(self, data)

    monkeypatch.setattr(module._HashedFile, "write", on_a_full_disk)
    with pytest.raises(CheckpointFailed) as refused:
        save_checkpoint(tmp_path, 2, {"weights": torch.zeros(2**18)}, {})
    assert (
        refused.value.cause == f"The checkpoint of step 2 could not be written to {tmp_path}: No space left on device."
    )
    assert refused.value.remedy.startswith("The write needs 1.0 MiB there. Earlier files are intact")
    assert refused.value.exit_code == 7
    assert _names(tmp_path) == ["step-00000001"]
    assert _latest_step(tmp_path) == 1


def test_a_failed_sync_is_a_failed_checkpoint_and_is_not_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_checkpoint(tmp_path, 1, _state(1), {})
    tries = 0

    def failing(descriptor: int) -> None:
        nonlocal tries
        tries += 1
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr("os.fsync", failing)
    with pytest.raises(CheckpointFailed, match="Input/output error"):
        save_checkpoint(tmp_path, 2, _state(2), {})
    assert tries == 1
    assert _names(tmp_path) == ["step-00000001"]


def test_a_folder_that_is_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("x")
    with pytest.raises(CheckpointFailed, match=r"could not be written to .*taken: File exists"):
        save_checkpoint(tmp_path / "taken", 1, _state(1), {})


def test_what_could_not_be_loaded_is_refused_before_it_is_written(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match=r"optimizer\['state'\]\[0\] is a \w*Path; a checkpoint holds"):
        save_checkpoint(tmp_path, 1, {"optimizer": {"state": [Path("x")]}}, {})
    with pytest.raises(ValueError, match=r"called '\.\./x'"):
        save_checkpoint(tmp_path, 1, {"../x": {}}, {})
    assert _names(tmp_path) == []


def test_a_pickle_that_runs_code_is_not_loaded(tmp_path: Path) -> None:
    save_checkpoint(tmp_path, 1, _state(1), {})
    path = tmp_path / "step-00000001" / "weights.pt"
    torch.save({"x": Path("x")}, path)  # a class, which only a real unpickler would build
    manifest = json.loads((path.parent / "manifest.json").read_text())
    content = path.read_bytes()
    manifest["body"]["files"]["weights.pt"] = {
        "sha256": hashlib.sha256(content).hexdigest(),
        "size": len(content),
    }
    manifest["sha256"] = module._digest(manifest["body"])
    (path.parent / "manifest.json").write_text(json.dumps(manifest))
    checkpoint = latest_checkpoint(tmp_path)
    assert checkpoint is not None
    with pytest.raises(Exception, match="Weights only load failed"):
        checkpoint.load()


def test_a_checkpoint_asks_for_room_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_checkpoint(tmp_path, 1, _state(1), {})
    monkeypatch.setattr("shutil.disk_usage", lambda _folder: SimpleNamespace(free=59))
    with pytest.raises(CheckpointFailed, match=r"The checkpoint of step 2 needs 0\.0 MiB, and .* has 0\.0 MiB free"):
        save_checkpoint(tmp_path, 2, _state(2), {})
    assert _names(tmp_path) == ["step-00000001"]
    monkeypatch.setattr("shutil.disk_usage", lambda _folder: SimpleNamespace(free=60))
    save_checkpoint(tmp_path, 2, _state(2), {})


KILLED = """
import os, random, signal, sys, time
from pathlib import Path
import filelock, torch  # before the forks, which have little time
from lambda_studio.training.checkpoints.checkpoint import latest_checkpoint, save_checkpoint

folder, kills = Path(sys.argv[1]), int(sys.argv[2])
torch.set_num_threads(1)

def state(step):
    return {"weights": {"w": torch.full((20000,), float(step))}, "optimizer": {"step": step}}

def save_for_ever(pipe):
    checkpoint = latest_checkpoint(folder)
    step = checkpoint.step if checkpoint else 0
    if checkpoint:
        loaded = checkpoint.load()
        assert loaded["optimizer"] == {"step": step} and bool((loaded["weights"]["w"] == step).all())
    while True:
        step += 1
        save_checkpoint(folder, step, state(step), {"step": step})
        os.write(pipe, step.to_bytes(8, "big"))

random.seed(int(sys.argv[3]))
acknowledged = 0
began = time.perf_counter()
save_checkpoint(folder.with_name("timed"), 1, state(1), {"step": 1})
one = time.perf_counter() - began  # on a busy machine the children have more time too
for _ in range(kills):
    readable, writable = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(readable)
        save_for_ever(writable)
    os.close(writable)
    time.sleep(random.uniform(0.2, 4) * max(one, 0.02))
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL, f"a resume failed: {status}"
    while answer := os.read(readable, 8):
        acknowledged = int.from_bytes(answer, "big")
    os.close(readable)
    checkpoint = latest_checkpoint(folder)
    step = checkpoint.step if checkpoint else 0
    assert step in (acknowledged, acknowledged + 1), (step, acknowledged)
    if checkpoint:
        assert bool((checkpoint.load()["weights"]["w"] == step).all())
        acknowledged = step
print("survived", kills, "kills at step", acknowledged)
"""


def test_every_resume_loads_after_a_kill_at_any_instant(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path), "60", "0"], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("survived 60 kills")
    assert int(done.stdout.split()[-1]) >= 5
