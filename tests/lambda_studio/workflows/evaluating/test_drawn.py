"""Pictures are drawn with an adapter and without, and embedded as each of their concepts."""

import numpy as np
import torch

from lambda_studio.config import FinetuneConfig, GenerateConfig
from lambda_studio.evaluation.by_clip import ClipLikeness
from lambda_studio.workflows.evaluating.asking import alone, together
from lambda_studio.workflows.evaluating.drawn import Drawer

CONFIG = GenerateConfig(num_inference_steps=2)


def test_an_adapter_changes_the_pictures_and_leaves_the_decoder_as_it_was(studio, add, box) -> None:
    add("rex", box(0))
    add("mug", box(1), noun="cat")
    adapter = studio.finetune(None, FinetuneConfig(steps=3, rank=2, learning_rate=0.05, preview_every=0)).adapter
    place = studio.workplace
    concepts, told = place.get_concepts(["rex", "mug"]), []
    asked = {"alone": alone(place, concepts, 1, 0), "2": together(place, concepts, 2, 1, 9), "3": []}
    drawer = Drawer(place, asked, CONFIG)
    assert drawer.count == 3
    before, after, again = (drawer.draw(path, told.append) for path in (None, adapter.path, None))
    assert told == [2, 1] * 3
    assert before.keys() == {"alone", "2"}

    def pixels(drawn):
        return np.stack([np.asarray(image) for image in drawn["alone"].images])

    assert np.array_equal(pixels(before), pixels(again))
    assert not np.array_equal(pixels(before), pixels(after))
    metric = ClipLikeness(place.stack)
    (pair,) = before["2"].embeds(metric)
    assert pair.keys() == {"rex", "mug"}
    assert torch.equal(pair["rex"], pair["mug"]), "CLIP sees the whole picture"
    assert {name: tuple(each.shape) for name, each in before["alone"].by_concept(metric).items()} == {
        "rex": (1, 32),
        "mug": (1, 32),
    }
    assert torch.allclose(before["alone"].whole(metric)[1], before["alone"].by_concept(metric)["mug"][0])
