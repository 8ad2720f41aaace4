"""Eq. 1 and Eq. 2 against the paper's formulas, written out."""

import math

import pytest
import torch
from torch import Tensor

from lambda_studio.training.objectives.losses import PriorLossConfig, decoder_loss, prior_loss


def _embeds(rows: int = 5, dim: int = 7) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(3)
    pred, target, text = torch.randn(3, rows, dim, generator=generator, dtype=torch.float64)
    return pred, target, text


def _eq1_by_hand(
    pred: Tensor, target: Tensor, text: Tensor, weight: float, temperature: float, similarity: str, reduction: str
) -> float:
    """λ-ECLIPSE, Eq. 1, with a loop for every sum."""
    rows, dim = pred.shape
    projection = sum((float(target[i, d]) - float(pred[i, d])) ** 2 for i in range(rows) for d in range(dim)) / rows
    if reduction == "mean":
        projection /= dim

    def score(i: int, j: int) -> float:
        product = sum(float(pred[i, d]) * float(text[j, d]) for d in range(dim))
        if similarity == "cosine":
            product /= math.sqrt(sum(float(x) ** 2 for x in pred[i])) * math.sqrt(sum(float(x) ** 2 for x in text[j]))
        return product / temperature

    contrast = 0.0
    for i in range(rows):
        peak = max(score(i, j) for j in range(rows))
        log_sum_exp = peak + math.log(sum(math.exp(score(i, j) - peak) for j in range(rows)))
        contrast += score(i, i) - log_sum_exp
    return projection - weight / rows * contrast


@pytest.mark.parametrize("similarity", ["cosine", "inner"])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("temperature", [0.07, 0.5, 1.0])
@pytest.mark.parametrize("weight", [0.0, 0.2, 0.5])
def test_eq_1_is_the_formula_written_out(similarity: str, reduction: str, temperature: float, weight: float) -> None:
    pred, target, text = _embeds()
    loss = prior_loss(
        pred,
        target,
        text,
        PriorLossConfig(contrastive_weight=weight, temperature=temperature, similarity=similarity, reduction=reduction),
    )
    expected = _eq1_by_hand(pred, target, text, weight, temperature, similarity, reduction)
    assert loss.item() == pytest.approx(expected, rel=1e-12)


def test_eq_1_without_settings_is_mean_cosine_temperature_0_07_weight_0_2() -> None:
    pred, target, text = _embeds()
    assert prior_loss(pred, target, text).item() == pytest.approx(
        _eq1_by_hand(pred, target, text, 0.2, 0.07, "cosine", "mean"), rel=1e-12
    )


def test_eq_1_does_not_depend_on_the_order_of_the_negatives() -> None:
    pred, target, text = _embeds()
    order = torch.tensor([3, 0, 4, 1, 2])
    together = prior_loss(pred[order], target[order], text[order])
    assert together.item() == pytest.approx(prior_loss(pred, target, text).item(), rel=1e-12)
    # The first row's own share: its positive stays, its negatives change places.
    first = torch.autograd.functional.jacobian(lambda p: prior_loss(p, target, text), pred)[0]
    shuffled = torch.cat([text[:1], text[1:].flip(0)])
    again = torch.autograd.functional.jacobian(lambda p: prior_loss(p, target, shuffled), pred)[0]
    assert torch.allclose(first, again, atol=1e-14)


def test_eq_1_changes_when_two_positives_are_swapped() -> None:
    _, target, text = _embeds()
    aligned = prior_loss(text.clone(), target, text)
    swapped = prior_loss(text.clone(), target, text[[1, 0, 2, 3, 4]])
    assert swapped > aligned + 0.1


def test_eq_1_falls_when_a_prediction_turns_to_its_own_text() -> None:
    pred, target, text = _embeds()
    pred.requires_grad_()

    def contrast(pred: Tensor) -> Tensor:
        with_contrast, without = (PriorLossConfig(contrastive_weight=weight) for weight in (1.0, 0.0))
        return prior_loss(pred, target, text, with_contrast) - prior_loss(pred, target, text, without)

    (gradient,) = torch.autograd.grad(contrast(pred), pred)
    assert contrast(pred - 0.01 * gradient) < contrast(pred)


def test_eq_1_takes_the_gradient_of_the_formula() -> None:
    pred, target, text = _embeds(rows=3, dim=4)
    pred.requires_grad_()
    assert torch.autograd.gradcheck(lambda p: prior_loss(p, target, text), pred)
    (gradient,) = torch.autograd.grad(prior_loss(pred, target, text), pred)
    nudged = pred.detach().clone()
    nudged[1, 2] += 1e-6
    by_hand = _eq1_by_hand(nudged, target, text, 0.2, 0.07, "cosine", "mean")
    slope = (by_hand - _eq1_by_hand(pred.detach(), target, text, 0.2, 0.07, "cosine", "mean")) / 1e-6
    assert gradient[1, 2].item() == pytest.approx(slope, rel=1e-4)


def test_eq_2_is_the_mean_squared_error_of_the_first_four_channels() -> None:
    generator = torch.Generator().manual_seed(5)
    noise_pred, noise = (torch.randn(2, channels, 3, 3, generator=generator) for channels in (8, 4))
    expected = sum(
        (float(noise_pred[b, c, y, x]) - float(noise[b, c, y, x])) ** 2
        for b in range(2)
        for c in range(4)
        for y in range(3)
        for x in range(3)
    ) / (2 * 4 * 3 * 3)
    assert decoder_loss(noise_pred, noise).item() == pytest.approx(expected, rel=1e-6)


def test_eq_2_does_not_train_the_variance_channels() -> None:
    noise_pred = torch.randn(2, 8, 3, 3, generator=torch.Generator().manual_seed(5)).requires_grad_()
    decoder_loss(noise_pred, torch.zeros(2, 4, 3, 3)).backward()
    assert noise_pred.grad is not None
    assert noise_pred.grad[:, 4:].abs().max() == 0
    assert noise_pred.grad[:, :4].abs().min() > 0


def test_weights_are_those_of_the_samples() -> None:
    generator = torch.Generator().manual_seed(5)
    noise_pred, noise = (torch.randn(3, channels, 3, 3, generator=generator) for channels in (8, 4))
    alone = [decoder_loss(noise_pred[row : row + 1], noise[row : row + 1]) for row in range(3)]
    weighted = decoder_loss(noise_pred, noise, torch.tensor([0.0, 1.0, 5.0]))
    torch.testing.assert_close(weighted, (alone[1] + 5 * alone[2]) / 3)
    torch.testing.assert_close(decoder_loss(noise_pred, noise, torch.ones(3)), decoder_loss(noise_pred, noise))


def test_eq_2_is_computed_in_float32_whatever_the_network_ran_in() -> None:
    noise_pred = torch.full((1, 8, 2, 2), 300.0, dtype=torch.float16)
    loss = decoder_loss(noise_pred, torch.zeros(1, 4, 2, 2, dtype=torch.float16))
    assert loss.dtype == torch.float32
    assert loss.item() == 90000.0  # beyond float16


def test_a_masked_error_is_the_masked_sum_by_the_masks_sum_of_each_sample() -> None:
    generator = torch.Generator().manual_seed(5)
    noise_pred, noise = (torch.randn(2, channels, 3, 3, generator=generator) for channels in (8, 4))
    masks = torch.rand(2, 3, 3, generator=generator)
    expected = [
        sum(
            float(masks[b, y, x]) * (float(noise_pred[b, c, y, x]) - float(noise[b, c, y, x])) ** 2 / 4
            for c in range(4)
            for y in range(3)
            for x in range(3)
        )
        / float(masks[b].sum())
        for b in range(2)
    ]
    assert decoder_loss(noise_pred, noise, masks=masks).item() == pytest.approx(sum(expected) / 2, rel=1e-5)
    weighted = decoder_loss(noise_pred, noise, torch.tensor([0.0, 3.0]), masks)
    assert weighted.item() == pytest.approx(3 * expected[1] / 2, rel=1e-5)


def test_what_is_outside_a_mask_is_not_learnt() -> None:
    noise_pred = torch.randn(1, 8, 2, 2, generator=torch.Generator().manual_seed(5)).requires_grad_()
    decoder_loss(noise_pred, torch.zeros(1, 4, 2, 2), masks=torch.tensor([[[1.0, 0.0], [0.0, 0.0]]])).backward()
    assert noise_pred.grad is not None
    assert noise_pred.grad[0, :4, 0, 0].abs().min() > 0
    assert noise_pred.grad.abs().sum() == noise_pred.grad[0, :4, 0, 0].abs().sum()


def test_a_mask_of_ones_is_none() -> None:
    generator = torch.Generator().manual_seed(5)
    noise_pred, noise = (torch.randn(3, channels, 3, 3, generator=generator) for channels in (8, 4))
    torch.testing.assert_close(
        decoder_loss(noise_pred, noise, masks=torch.ones(3, 3, 3)), decoder_loss(noise_pred, noise)
    )
