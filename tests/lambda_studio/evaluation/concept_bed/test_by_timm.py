"""A classifier of timm is read from its folder, with its labels and its transform."""

import json
from pathlib import Path

import pytest
import timm
import torch
from PIL import Image
from safetensors.torch import save_file

from lambda_studio.errors import ModelFilesInvalid, ModelFilesMissing
from lambda_studio.evaluation.concept_bed.by_timm import MEAN, STD, TimmOracle
from lambda_studio.evaluation.concept_bed.oracle import Asked, Oracle
from lambda_studio.evaluation.transforms import normalised, resized_middle

TINY = {"depths": (1, 1, 1, 1), "dims": (8, 8, 16, 16)}
CPU = torch.device("cpu")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A tiny ConvNeXt of three classes with random weights."""
    torch.manual_seed(0)
    network = timm.create_model("convnext_tiny", pretrained=False, num_classes=3, **TINY)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.normal_(std=0.5)
    save_file(network.state_dict(), tmp_path / "model.safetensors")
    config = {"architecture": "convnext_tiny", "model_args": TINY, "pretrained_cfg": {"input_size": [3, 56, 56]}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "labels.txt").write_text("dog\ncat\nhot dog\n")
    return tmp_path


def test_confidence_is_the_softmax_of_the_class(folder, noise) -> None:
    oracle = TimmOracle(folder, CPU)
    assert isinstance(oracle, Oracle)
    pictures = [noise(1), noise(2, 30, 60)]
    squares = [resized_middle(each, 64, 56, Image.Resampling.BILINEAR) for each in pictures]
    pixels = torch.stack([normalised(each, MEAN, STD) for each in squares])
    expected = oracle._network(pixels).softmax(-1)
    found = oracle.confidences([Asked(pictures[0], "cat"), Asked(pictures[1], "hot dog")])
    assert torch.allclose(found, torch.stack([expected[0, 1], expected[1, 2]]), atol=1e-6)
    every = [Asked(pictures[0], label) for label in ("dog", "cat", "hot dog")]
    assert float(oracle.confidences(every).sum()) == pytest.approx(1, abs=1e-5)


def test_labels_come_from_a_file_or_the_configuration(folder) -> None:
    assert TimmOracle(folder, CPU).unknown(["dog", "hat"]) == ["hat"]
    (folder / "labels.txt").unlink()
    with pytest.raises(ModelFilesMissing, match=r"does not say what its classes are called.*labels\.txt"):
        TimmOracle(folder, CPU).unknown(["dog"])
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "label_names": ["a", "b", "c"]}))
    assert TimmOracle(folder, CPU).unknown(["a", "dog"]) == ["dog"]


def test_a_folder_with_another_number_of_labels_is_refused(folder, noise) -> None:
    (folder / "labels.txt").write_text("dog\ncat\n")
    with pytest.raises(ModelFilesInvalid, match="holds no classifier of 2 classes"):
        TimmOracle(folder, CPU).confidences([Asked(noise(1), "dog")])


def test_missing_weights_are_said(folder) -> None:
    (folder / "model.safetensors").unlink()
    with pytest.raises(ModelFilesMissing, match=r"has no model\.safetensors"):
        TimmOracle(folder, CPU)
