"""Guidance as arithmetic, with a decoder that is one line."""

import torch

from lambda_studio.generation.guidance import guided

LATENTS = torch.full((2, 1, 1, 1), 10.0)
TOWARDS = {"a": torch.tensor([[1.0], [2.0]]), "b": torch.tensor([[100.0], [200.0]])}
AWAY = {"a": torch.tensor([[5.0], [6.0]]), "b": torch.tensor([[500.0], [600.0]])}


def watched():
    """A decoder that answers with the sum of what it is told, and what it was asked."""
    asked = []

    def denoise(latents, timestep, condition):
        asked.append((len(latents), int(timestep)))
        return latents + (condition["a"] + condition["b"]).reshape(-1, 1, 1, 1)

    return denoise, asked


def test_guidance_goes_on_from_the_negative_through_the_condition():
    denoise, asked = watched()
    said = guided(denoise, TOWARDS, AWAY, 3.0)(LATENTS, torch.tensor(7))
    expected = [10 + 505 + 3 * (101 - 505), 10 + 606 + 3 * (202 - 606)]
    assert said.flatten().tolist() == expected
    assert asked == [(4, 7)], "both in one batch"


def test_a_scale_of_one_asks_under_the_condition_only():
    denoise, asked = watched()
    assert guided(denoise, TOWARDS, {}, 1.0)(LATENTS, torch.tensor(7)).flatten().tolist() == [111, 212]
    assert asked == [(2, 7)]


def test_a_scale_of_zero_is_the_negative_alone():
    denoise, _ = watched()
    assert guided(denoise, TOWARDS, AWAY, 0.0)(LATENTS, torch.tensor(7)).flatten().tolist() == [515, 616]
