"""ViLT answers `yes` by its label, over all of its answers."""

import json
from pathlib import Path

import pytest
import torch

from lambda_studio.errors import ModelFilesInvalid
from lambda_studio.evaluation.concept_bed.by_vilt import ViltOracle, question_of
from lambda_studio.evaluation.concept_bed.oracle import Asked, Oracle

CPU = torch.device("cpu")
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "is", "there", "a", "dog", "in", "the", "image", "?"]
ANSWERS = ("maybe", "yes", "no")
"""In another order than the published one."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny ViLT with random weights, and its processor."""
    from transformers import BertTokenizer, ViltConfig, ViltForQuestionAnswering, ViltImageProcessor, ViltProcessor
    from transformers.utils import logging

    logging.disable_progress_bar()
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("vilt")
    (folder / "vocab.txt").write_text("\n".join(WORDS))
    labels = dict(enumerate(ANSWERS))
    config = ViltConfig(
        vocab_size=len(WORDS), hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32,
        image_size=64, patch_size=32, max_image_length=-1, id2label=labels, label2id={v: k for k, v in labels.items()},
    )  # fmt: skip
    network = ViltForQuestionAnswering(config)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.normal_(std=0.3)
    network.save_pretrained(folder)
    images = ViltImageProcessor(size={"shortest_edge": 64}, size_divisor=32)
    ViltProcessor(images, BertTokenizer(str(folder / "vocab.txt"))).save_pretrained(folder)
    return folder


def test_confidence_is_the_softmax_of_yes_over_all_answers(folder, noise) -> None:
    oracle = ViltOracle(folder, CPU)
    assert isinstance(oracle, Oracle) and oracle.unknown(["anything"]) == []
    network, processor = oracle._parts
    given = processor(noise(1), "is there a dog in the image?", return_tensors="pt")
    expected = network(**given).logits[0].softmax(-1)
    found = oracle.confidences([Asked(noise(1), "dog"), Asked(noise(1), "cat", "is there a dog in the image?")])
    assert len(expected) == len(ANSWERS)
    assert found.tolist() == pytest.approx([float(expected[1])] * 2, abs=1e-6)
    assert oracle.confidences([Asked(noise(2), "dog")])[0] != found[0]


def test_a_picture_without_a_question_is_asked_for_its_class(noise) -> None:
    assert question_of(Asked(noise(1), "stuffed_animal")) == "is there a stuffed animal in the image?"
    assert question_of(Asked(noise(1), "dog", "is it wet?")) == "is it wet?"


def test_a_network_without_yes_is_refused(folder, tmp_path, noise) -> None:
    for each in folder.iterdir():
        (tmp_path / each.name).write_bytes(each.read_bytes())
    config = json.loads((folder / "config.json").read_text())
    config |= {"label2id": {"maybe": 0, "aye": 1, "no": 2}, "id2label": {"0": "maybe", "1": "aye", "2": "no"}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(ModelFilesInvalid, match="has no answer 'yes'"):
        ViltOracle(tmp_path, CPU).confidences([Asked(noise(1), "dog")])


def test_weights_in_another_format_are_not_opened(folder, tmp_path, noise) -> None:
    for each in folder.iterdir():
        (tmp_path / each.name).write_bytes(each.read_bytes())
    (tmp_path / "model.safetensors").rename(tmp_path / "pytorch_model.bin")
    with pytest.raises(ModelFilesInvalid, match=r"holds no ViLT .*It needs model\.safetensors"):
        ViltOracle(tmp_path, CPU).confidences([Asked(noise(1), "dog")])
