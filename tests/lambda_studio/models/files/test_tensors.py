"""Safetensors files that are written tensor by tensor, against the package's own reader."""

import hashlib
import os
import subprocess
import sys
import weakref
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from lambda_studio.models.files.tensors import Slot, StoredTensors, slots_of, write_tensors

TENSORS = {
    "b.half": torch.arange(5).half(),
    "a.bf": torch.randn(3, 2, generator=torch.Generator().manual_seed(0)).bfloat16(),
    "c": torch.randn(2, 3, 1, 1, generator=torch.Generator().manual_seed(1)),
    "scalar": torch.tensor(0.5),
    "double": torch.tensor([1.0, 2.0], dtype=torch.float64),
    "empty": torch.zeros(0, 4),
    "λ": torch.ones(1),
}
METADATA = {"z": "1", "a": 'λ "quoted"', "modelspec.title": "two"}


def written(path: Path) -> Path:
    write_tensors(path, slots_of(TENSORS), METADATA, TENSORS.__getitem__)
    return path


def test_the_package_reads_what_is_written(tmp_path: Path) -> None:
    path = written(tmp_path / "a.safetensors")
    read = load_file(path)
    assert read.keys() == TENSORS.keys()
    for name, tensor in TENSORS.items():
        assert read[name].dtype == tensor.dtype and torch.equal(read[name], tensor)
    with safe_open(path, framework="pt") as file:
        assert file.metadata() == METADATA


def test_equal_contents_have_equal_bytes_in_every_process(tmp_path: Path) -> None:
    code = (
        "from pathlib import Path; from tests.lambda_studio.models.files.test_tensors import written; import sys; "
        "written(Path(sys.argv[1]))"
    )
    hashes = set()
    for seed in "01":
        path = tmp_path / f"{seed}.safetensors"
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        subprocess.run([sys.executable, "-c", code, str(path)], check=True, env=environment)
        hashes.add(hashlib.sha256(path.read_bytes()).hexdigest())
    assert len(hashes) == 1
    reversed_order = dict(reversed(TENSORS.items()))
    write_tensors(tmp_path / "r", slots_of(reversed_order), dict(reversed(METADATA.items())), TENSORS.__getitem__)
    assert hashlib.sha256((tmp_path / "r").read_bytes()).hexdigest() in hashes


def test_each_tensor_is_asked_for_once_and_after_the_one_before_is_dropped(tmp_path: Path) -> None:
    alive: list[weakref.ref[torch.Tensor]] = []

    def tensor(name: str) -> torch.Tensor:
        assert all(earlier() is None for earlier in alive)
        made = TENSORS[name].clone()
        alive.append(weakref.ref(made))
        return made

    write_tensors(tmp_path / "a", slots_of(TENSORS), {}, tensor)
    assert len(alive) == len(TENSORS)


def test_values_are_cast_to_what_was_announced_and_another_shape_is_refused(tmp_path: Path) -> None:
    write_tensors(tmp_path / "a", {"x": Slot((2,), torch.float16)}, {}, lambda _: torch.tensor([1.0, 2.0]))
    assert load_file(tmp_path / "a")["x"].dtype == torch.float16
    with pytest.raises(ValueError, match=r"x has the shape \(2,\), and \(3,\) was announced"):
        write_tensors(tmp_path / "b", {"x": Slot((3,))}, {}, lambda _: torch.ones(2))


def test_stored_tensors_are_read_one_by_one(tmp_path: Path) -> None:
    save_file(TENSORS, tmp_path / "a.safetensors")
    stored = StoredTensors(tmp_path / "a.safetensors")
    assert dict(stored.shapes) == {name: tuple(tensor.shape) for name, tensor in TENSORS.items()}
    assert len(stored) == len(TENSORS) and set(stored) == set(TENSORS)
    assert all(torch.equal(stored[name], tensor) for name, tensor in TENSORS.items())
