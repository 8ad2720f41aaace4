"""Image embeddings that are drawn without a prompt."""

import torch

from lambda_studio.config import GenerateConfig
from lambda_studio.workflows.drawing.embeds import drawn_from


def test_each_embedding_is_one_picture_and_of_large_models_only_the_decoder_stays(studio, monkeypatch) -> None:
    monkeypatch.setattr("lambda_studio.models.stacks.stack.SMALL", 1000)
    place = studio.workplace
    place.stack.prior()
    config = GenerateConfig(num_inference_steps=1).preferring(place.spec.generate)
    one, two, again = list(drawn_from(place, torch.eye(32)[[0, 1, 0]], [5, 5, 5], config))
    torch.testing.assert_close(one.pixels, again.pixels)
    assert not torch.equal(one.pixels, two.pixels)
    assert place.stack._find("prior") is None and place.stack._find("decoder") is not None
