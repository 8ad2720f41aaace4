"""The seconds of a step are those of the real training step, without its warm-up."""

import pytest
import torch

from lambda_studio.training.finetuning import train_config
from lambda_studio.training.objectives.objectives import DecoderObjective
from lambda_studio.training.planning import timing
from lambda_studio.training.planning.timing import TIMED, WARM_UP, seconds_a_step
from tests.lambda_studio.training.test_trainer import _config, _decoder, _examples


@pytest.mark.parametrize("method", ["lora", "full"])
def test_the_median_of_the_steps_after_the_warm_up_counts(monkeypatch, method: str) -> None:
    clock = iter([0.0, 100.0, 200.0, 207.0, 300.0, 301.0, 400.0, 405.0])  # steps of 100, 7, 1 and 5 seconds
    monkeypatch.setattr(timing.time, "perf_counter", lambda: next(clock))
    config, decoder = _config(method=method), _decoder()
    before = {name: weight.clone() for name, weight in decoder.unet.state_dict().items()}
    state = torch.random.get_rng_state()
    assert seconds_a_step(DecoderObjective(decoder, _examples(), config), train_config(config)) == 5
    assert (WARM_UP, TIMED, next(clock, "done")) == (1, 3, "done")
    assert torch.equal(torch.random.get_rng_state(), state)
    after = decoder.unet.state_dict()
    assert any(name not in before or not torch.equal(weight, before[name]) for name, weight in after.items())
