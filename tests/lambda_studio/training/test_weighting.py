"""How much each timestep's error counts."""

import torch

from lambda_studio.training.weighting import truncated_snr, uniform


def test_uniform_weights_are_ones() -> None:
    assert torch.equal(uniform(torch.tensor([0, 500, 999])), torch.ones(3))


def test_truncated_snr_makes_the_noises_error_the_pictures_where_there_is_more_noise() -> None:
    alphas_cumprod = torch.tensor([0.9, 0.5, 0.2, 0.01])
    weights = truncated_snr(alphas_cumprod, most=20.0)(torch.tensor([3, 2, 1, 0, 2]))
    torch.testing.assert_close(weights, torch.tensor([20.0, 4.0, 1.0, 1.0, 4.0]))
    # x0 = (x_t - sqrt(1 - abar) eps) / sqrt(abar): an error of eps is one of x0, times sqrt((1 - abar) / abar)
    abar, error = alphas_cumprod[2], 0.3
    torch.testing.assert_close(weights[1] * error**2, ((1 - abar).sqrt() / abar.sqrt() * error) ** 2)
