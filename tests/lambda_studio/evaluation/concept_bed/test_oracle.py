"""Oracles share a protocol, and refuse classes that they do not know."""

import pytest
import torch

from lambda_studio.errors import InvalidSetting
from lambda_studio.evaluation.concept_bed.oracle import Asked, Oracle, require_known


class OnlyDogs:
    name = "dogs"

    def unknown(self, labels):
        return [label for label in labels if label != "dog"]

    def confidences(self, asked):
        return torch.ones(len(asked))


def test_unknown_classes_are_named(noise) -> None:
    assert isinstance(OnlyDogs(), Oracle)
    require_known(OnlyDogs(), ["dog"])
    with pytest.raises(InvalidSetting, match=r"oracle dogs does not know cat, hat \(2 of 3 classes\)"):
        require_known(OnlyDogs(), ["cat", "dog", "hat"])
    assert Asked(noise(1), "dog").text == ""
