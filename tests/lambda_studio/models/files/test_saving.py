"""What the disk refuses while a run is saved is told as an error that the run can go on from."""

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from lambda_studio.errors import CheckpointFailed
from lambda_studio.models.files.saving import saving, tensor_bytes


def test_too_little_room_is_told_before_anything_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda folder: SimpleNamespace(free=2**20))
    with pytest.raises(CheckpointFailed) as refused, saving("The adapter", tmp_path, 2**21):
        pytest.fail("it was written though there is no room")
    assert refused.value.cause == f"The adapter needs 2.0 MiB, and {tmp_path} has 1.0 MiB free."
    assert refused.value.remedy == "Earlier files are intact: free disk space, then continue with resume=True."


def test_an_error_of_the_disk_becomes_one_that_says_how_to_go_on(tmp_path: Path) -> None:
    with pytest.raises(CheckpointFailed) as refused, saving("The adapter", tmp_path, 3 * 2**19):
        raise OSError(5, "Input/output error")
    assert refused.value.cause == f"The adapter could not be written to {tmp_path}: Input/output error."
    assert refused.value.remedy.startswith("The write needs 1.5 MiB there. Earlier files are intact")
    assert refused.value.exit_code == 7


def test_another_error_stays_what_it_is(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="mine"), saving("The adapter", tmp_path, 1):
        raise ValueError("mine")


def test_the_size_of_a_state_is_that_of_all_its_tensors() -> None:
    half, whole = torch.zeros(3, dtype=torch.float16), torch.zeros(2, 5)
    assert tensor_bytes({"a": [half, {"b": (whole, 1, None)}], "c": "text"}) == 3 * 2 + 10 * 4
