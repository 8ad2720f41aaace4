"""How much each timestep's error counts."""

from types import SimpleNamespace

import torch

from lambda_studio.training.objectives.weighting import min_snr, truncated_snr, uniform, weighting_of


def test_uniform_weights_are_ones() -> None:
    assert torch.equal(uniform(torch.tensor([0, 500, 999])), torch.ones(3))


def test_truncated_snr_makes_the_noises_error_the_pictures_where_there_is_more_noise() -> None:
    alphas_cumprod = torch.tensor([0.9, 0.5, 0.2, 0.01])
    weights = truncated_snr(alphas_cumprod, most=20.0)(torch.tensor([3, 2, 1, 0, 2]))
    torch.testing.assert_close(weights, torch.tensor([20.0, 4.0, 1.0, 1.0, 4.0]))
    # x0 = (x_t - sqrt(1 - abar) eps) / sqrt(abar): an error of eps is one of x0, times sqrt((1 - abar) / abar)
    abar, error = alphas_cumprod[2], 0.3
    torch.testing.assert_close(weights[1] * error**2, ((1 - abar).sqrt() / abar.sqrt() * error) ** 2)


ALPHAS_CUMPROD = torch.tensor([0.99, 0.9, 0.5, 0.01])
SNR = ALPHAS_CUMPROD / (1 - ALPHAS_CUMPROD)


def test_min_snr_is_the_formula_for_noise_predictions() -> None:
    weights = min_snr(ALPHAS_CUMPROD, 5.0)(torch.tensor([3, 0, 1, 2]))
    by_hand = [min(snr, 5.0) / snr for snr in SNR.tolist()]
    torch.testing.assert_close(weights, torch.tensor([by_hand[3], *by_hand[:3]]))
    assert weights[0] == 1 and weights[1] < 0.1


def test_soft_min_snr_is_the_formula_and_never_more_than_the_hard_one() -> None:
    every = torch.arange(4)
    soft = min_snr(ALPHAS_CUMPROD, 5.0, soft=True)(every)
    sigma_2 = 1 / SNR  # in the paper's parametrisation, where the picture's error counts 1 / (σ² + 1 / γ)
    torch.testing.assert_close(soft, 1 / (sigma_2 + 1 / 5.0) / SNR)
    assert (soft <= min_snr(ALPHAS_CUMPROD, 5.0)(every)).all()


def test_without_a_gamma_every_timestep_counts_alike() -> None:
    assert weighting_of(schedule("epsilon"), None, False) is uniform
    every = torch.arange(4)
    for soft in (False, True):
        torch.testing.assert_close(
            weighting_of(schedule("epsilon"), 2.0, soft)(every), min_snr(ALPHAS_CUMPROD, 2.0, soft)(every)
        )


def schedule(kind: str) -> SimpleNamespace:
    return SimpleNamespace(alphas_cumprod=ALPHAS_CUMPROD, config=SimpleNamespace(prediction_type=kind))


def test_min_snr_weights_a_velocity_and_a_picture_as_the_paper_says() -> None:
    every = torch.arange(4)
    of_picture, of_velocity = (weighting_of(schedule(kind), 2.0, False)(every) for kind in ("sample", "v_prediction"))
    torch.testing.assert_close(of_picture, SNR.clamp(max=2.0))
    torch.testing.assert_close(of_velocity, SNR.clamp(max=2.0) / (SNR + 1))
