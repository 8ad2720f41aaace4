"""What Eq. 2 is conditioned on: predictions are those that `generate` draws from."""

import pytest
import torch

from lambda_studio.config import FinetuneConfig, GenerateConfig
from lambda_studio.generation import generator
from lambda_studio.models.adapters.information import read_adapter_info
from lambda_studio.training.examples import Example
from lambda_studio.training.objectives.objectives import DecoderObjective
from lambda_studio.workflows.tuning import run as tuning
from lambda_studio.workflows.tuning.predictions import A_PICTURE, predictions


@pytest.fixture
def trained_on(monkeypatch: pytest.MonkeyPatch) -> list[list[Example]]:
    """The examples of each run."""
    seen: list[list[Example]] = []

    def watched(decoder, examples, *rest, **named):
        seen.append(list(examples))
        return DecoderObjective(decoder, examples, *rest, **named)

    monkeypatch.setattr(tuning, "DecoderObjective", watched)
    return seen


def test_a_prediction_is_what_generate_gives_the_decoder(studio, add, photo, box, tmp_path, monkeypatch) -> None:
    add("rex", photo, box(1))
    place = studio.workplace
    (concept,) = place.get_concepts(["rex"])
    ours = predictions(place.stack, place.embedder, [concept], seed=7)["rex"]
    assert ours.shape == (2 * A_PICTURE, place.embedder.zero().shape[-1])
    assert not torch.equal(ours[0], ours[1]), "each has its own noise"
    seen = []
    predict = generator.predict_image_embeds
    monkeypatch.setattr(generator, "predict_image_embeds", lambda *args: seen.append(predict(*args)) or seen[-1])
    studio.generate("a <rex>", out=tmp_path, config=GenerateConfig(num_inference_steps=1))
    likeness = torch.nn.functional.cosine_similarity(ours, seen[0].cpu())
    others = torch.nn.functional.cosine_similarity(ours, place.embedder.zero())
    assert likeness.min() > others.max()
    again = predictions(place.stack, place.embedder, [concept], seed=7)["rex"]
    assert torch.equal(ours, again), "a resumed run needs the same"
    assert not torch.equal(ours, predictions(place.stack, place.embedder, [concept], seed=8)["rex"])


@pytest.mark.parametrize("conditions, kinds", [("paper", {0}), ("prior", {1, 2}), ("both", {0, 1, 2})])
def test_a_run_learns_from_the_conditions_that_were_asked(studio, add, photo, trained_on, conditions, kinds) -> None:
    add("rex", photo)
    adapter = studio.finetune(["rex"], config=FinetuneConfig(steps=1, rank=2, conditions=conditions)).adapter
    (examples,) = trained_on
    assert {example.prediction for example in examples} == kinds
    assert len({example.latents.sum().item() for example in examples}) == 1, "all show the one picture"
    assert len({example.image_embeds.sum().item() for example in examples}) == len(kinds)
    assert adapter and read_adapter_info(adapter.path).settings["conditions"] == conditions


def test_a_run_with_predictions_is_resumed_to_the_same_weights(studio, add, photo) -> None:
    add("rex", photo)
    config = FinetuneConfig(steps=4, rank=2, conditions="both", checkpoint_every=1)
    whole = studio.finetune(["rex"], config=config).adapter
    asked = iter((False, True))
    stopped = studio.finetune(["rex"], config=config, should_stop=lambda: next(asked, True))
    assert stopped.adapter is None
    resumed = studio.finetune(["rex"], resume=True).adapter
    assert whole and resumed and resumed.sha256 == whole.sha256
