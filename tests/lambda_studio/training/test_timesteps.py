"""The distributions of timesteps."""

import torch

from lambda_studio.training.randomness import EvenOrder, MicroStep, draw_micro_batch
from lambda_studio.training.timesteps import logit_normal_timesteps, sampling_named, uniform_timesteps


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def test_a_logit_normal_draws_the_middle_more_often_and_every_timestep_is_possible() -> None:
    drawn = logit_normal_timesteps(20_000, 1000, generator())
    assert drawn.dtype == torch.int64 and drawn.min() >= 0 and drawn.max() <= 999
    quarters = torch.histc(drawn.float(), bins=4, min=0, max=1000) / len(drawn)
    # the share below t = T / 4 is that of a standard normal below logit(1/4) = -1.0986
    torch.testing.assert_close(quarters, torch.tensor([0.136, 0.364, 0.364, 0.136]), atol=0.01, rtol=0)
    assert logit_normal_timesteps(1000, 1, generator()).unique().tolist() == [0]


def test_a_name_is_a_distribution_and_the_noise_does_not_depend_on_it() -> None:
    assert sampling_named("uniform") is uniform_timesteps
    assert sampling_named("logit-normal") is logit_normal_timesteps
    order = EvenOrder(["rex"], 0)
    plain = draw_micro_batch(order, MicroStep(3), 4, (4, 2, 2), 1000)
    other = draw_micro_batch(order, MicroStep(3), 4, (4, 2, 2), 1000, logit_normal_timesteps)
    assert torch.equal(plain.noise, other.noise) and torch.equal(plain.rows, other.rows)
    assert not torch.equal(plain.timesteps, other.timesteps)
